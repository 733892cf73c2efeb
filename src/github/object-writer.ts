import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommitSha } from "../model/json.ts";
import { gitText, runGit } from "./git.ts";
import { type NewObject, type ObjectFormat, packOf } from "./git-object.ts";

/** A folder for files of one write and an index of its own, so that the user's index is never touched. */
export type Scratch = { readonly folder: string; readonly env: { readonly GIT_INDEX_FILE: string } };

/** Runs `work` with a temporary index; the folder is gone afterwards, whatever happened. */
export async function withScratch<T>(work: (scratch: Scratch) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "whetstone-git-"));
  try {
    return await work({ folder, env: { GIT_INDEX_FILE: join(folder, "index") } });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A commit to be written; `at` is its time in ns since the Unix epoch. */
export type NewCommit = {
  readonly tree: string;
  readonly parent: CommitSha | undefined;
  readonly message: string;
  readonly at: bigint;
};

/** Writes a commit object; no branch points to it yet. */
export async function writeCommit(cwd: string, commit: NewCommit): Promise<CommitSha> {
  const date = `${commit.at / 1_000_000_000n} +0000`;
  const parent = commit.parent === undefined ? [] : ["-p", commit.parent];
  return await gitText({
    args: ["commit-tree", commit.tree, ...parent, "-F", "-"],
    cwd,
    input: commit.message,
    env: { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date },
  });
}

/** Stores objects that nothing points to yet, in one process. */
export async function storeObjects(cwd: string, objects: readonly NewObject[], format: ObjectFormat): Promise<void> {
  await runGit({ args: ["unpack-objects", "-q"], cwd, input: packOf(objects, format) });
}

/** The commit that a branch points to; undefined when there is no such branch. */
export async function branchTip(cwd: string, branch: string): Promise<CommitSha | undefined> {
  const args = ["rev-parse", "--quiet", "--verify", `refs/heads/${branch}^{commit}`];
  const { code, stdout } = await runGit({ args, cwd, okCodes: [0, 1] });
  return code === 0 ? stdout.toString("utf8").trim() : undefined;
}

/** A move of a branch; `from` or `to` undefined: it does not exist before or after. */
export type BranchMove = {
  readonly branch: string;
  readonly from: CommitSha | undefined;
  readonly to: CommitSha | undefined;
};

/**
 * Moves a branch by compare-and-swap; false when it no longer points to `from`.
 * @throws WhetstoneError `git_failed` for every other failure.
 */
export async function moveBranch(cwd: string, move: BranchMove): Promise<boolean> {
  const ref = `refs/heads/${move.branch}`;
  const zero = "0".repeat((move.from ?? move.to ?? "").length);
  const args =
    move.to === undefined
      ? ["update-ref", "-d", ref, move.from ?? zero]
      : ["update-ref", "--create-reflog", "-m", "whetstone", ref, move.to, move.from ?? zero];
  try {
    await runGit({ args, cwd });
    return true;
  } catch (error) {
    if ((await branchTip(cwd, move.branch)) !== move.from) return false;
    throw error;
  }
}
