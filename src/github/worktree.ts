import { rm } from "node:fs/promises";
import type { CommitSha } from "../model/json.ts";
import { gitText, runGit } from "./git.ts";
import { specialFiles } from "./special-files.ts";
import { differingPaths } from "./status.ts";

/** A worktree that removes itself at the end of its scope. */
export type Worktree = AsyncDisposable & { readonly path: string };

/** Where a worktree stands and which repository knows of it. */
export type WorktreePlace = { readonly root: string; readonly path: string };

/**
 * Checks `sha` out, detached, into a new folder, without running hooks.
 * @throws WhetstoneError `git_failed` when the commit is unknown or the folder is not empty.
 */
export async function addWorktree(options: WorktreePlace & { readonly sha: CommitSha }): Promise<Worktree> {
  const { root, path, sha } = options;
  await runGit({ args: ["worktree", "add", "--detach", "--quiet", path, sha], cwd: root });
  return { path, [Symbol.asyncDispose]: () => removeWorktree({ root, path }) };
}

/** Removes a worktree with everything in it, whatever state it is in, and what git knows of it; repeatable. */
export async function removeWorktree({ root, path }: WorktreePlace): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 });
  // Twice --force: an interrupted `worktree add` leaves its worktree locked, and prune passes over locked ones.
  const args = ["worktree", "remove", "--force", "--force", path];
  const { code, stderr } = await runGit({ args, cwd: root, okCodes: [0, 128] });
  if (code === 0 || stderr.includes("is not a working tree")) return;
  await runGit({ args: ["worktree", "prune"], cwd: root });
}

/** Whether a patch went in, and the tree that the index holds then; `detail` is what git says against it. */
export type ApplyResult =
  { readonly ok: true; readonly tree: string } | { readonly ok: false; readonly detail: string };

/**
 * Applies a patch to worktree and index, whole or not at all. Refused too, but only after it was applied: a change of a
 * symbolic link or submodule, which a patch without modes can hide.
 * @throws WhetstoneError `git_failed` when the folder is no worktree.
 */
export async function applyPatch(options: { worktree: string; patch: string }): Promise<ApplyResult> {
  const { worktree: cwd, patch: input } = options;
  await runGit({ args: ["rev-parse", "--git-dir"], cwd });
  for (const mode of [["--check"], []]) {
    const args = ["apply", "--index", ...mode, "-"];
    const { code, stderr } = await runGit({ args, cwd, input, okCodes: [0, 1, 128] });
    if (code !== 0) return { ok: false, detail: stderr.trim() };
  }
  const special = await specialFiles({ cwd, base: "HEAD" });
  return special.length === 0
    ? { ok: true, tree: await gitText({ args: ["write-tree"], cwd }) }
    : { ok: false, detail: `It changes what is no file: ${special.join(", ")}` };
}

/** Paths that differ from the worktree's commit, old and new names, untracked files included, ignored ones not; sorted. */
export function changedPaths(worktree: string): Promise<readonly string[]> {
  return differingPaths(worktree, { untracked: true });
}
