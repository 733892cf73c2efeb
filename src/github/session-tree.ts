import type { Stats } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { codeOf, WhetstoneError } from "../model/error.ts";
import type { CommitSha } from "../model/json.ts";
import { gitText } from "./git.ts";
import { openScratch } from "./scratch.ts";

/** Refs that Whetstone itself moves while a session runs. */
const OWN_REFS = "refs/heads/whetstone/";
/** Largest file of a git folder that is compared by content. */
const LARGEST_BYTES = 16 * 1024 * 1024;

/**
 * Remembers what steers git around a worktree and tells later what of it differs: the worktree's `.git`, its own HEAD,
 * index and configuration; hooks, configuration, attributes and excludes of the repository; every ref but Whetstone's own.
 * @throws WhetstoneError `git_failed`, `not_a_repository`
 */
export async function watchRepository(worktree: string) {
  const args = ["rev-parse", "--absolute-git-dir", "--git-common-dir"];
  const [own = "", common = ""] = (await gitText({ args, cwd: worktree })).split("\n");
  const places = { worktree, own, common: resolve(worktree, common) };
  const before = await footprint(places);
  return {
    changed: async (): Promise<readonly string[]> => {
      const after = await footprint(places);
      return [...new Set([...before.keys(), ...after.keys()])]
        .filter((name) => before.get(name) !== after.get(name))
        .sort();
    },
  };
}

type Places = { readonly worktree: string; readonly own: string; readonly common: string };

async function footprint({ worktree, own, common }: Places): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  await look(found, ".git", join(worktree, ".git"));
  for (const name of ["HEAD", "index", "commondir", "gitdir", "config.worktree"]) {
    await look(found, name, join(own, name));
  }
  for (const name of ["config", "hooks", "info", "modules"]) await lookInto(found, name, join(common, name));
  // By the folder that was found before: what `.git` says now may be a lie.
  const format = "--format=%(refname) %(objectname)";
  const refs = await gitText({ args: [`--git-dir=${common}`, "for-each-ref", format], cwd: common });
  for (const line of refs.split("\n").filter((one) => one !== "" && !one.startsWith(OWN_REFS))) {
    const [name = "", id = ""] = line.split(" ");
    found.set(name, id);
  }
  return found;
}

async function lookInto(found: Map<string, string>, name: string, path: string): Promise<void> {
  const entry = await standing(path);
  if (entry?.isDirectory() !== true) return await look(found, name, path);
  for (const each of await readdir(path)) await lookInto(found, `${name}/${each}`, join(path, each));
}

async function look(found: Map<string, string>, name: string, path: string): Promise<void> {
  const entry = await standing(path);
  if (entry === undefined) return;
  found.set(name, `${entry.mode} ${await contentOf(path, entry)}`);
}

/** A folder counts by what is in it, which is looked at by itself. */
async function contentOf(path: string, entry: Stats): Promise<string> {
  if (entry.isSymbolicLink()) return await readlink(path);
  if (!entry.isFile()) return "";
  return entry.size > LARGEST_BYTES ? `${entry.size} ${entry.mtimeMs}` : (await readFile(path)).toString("base64");
}

async function standing(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Files of a worktree that may differ from a commit. */
export type ChangedFiles = {
  readonly worktree: string;
  readonly baseSha: CommitSha;
  readonly paths: readonly string[];
};

/**
 * What was changed at these paths since the commit, as one unified diff with renames and binary content. Neither the
 * worktree's index nor the repository is written, and no configuration, filter or attribute of either is used.
 * @throws WhetstoneError `git_failed` (a path that neither commit nor worktree has, or one below a symbolic link)
 */
export async function patchOfFiles({ worktree, baseSha, paths }: ChangedFiles): Promise<string> {
  if (paths.length === 0) return "";
  await using scratch = await openScratch(worktree);
  await scratch.run(["read-tree", baseSha]);
  const input = paths.map((path) => `${path}\0`).join("");
  const tree = `--work-tree=${worktree}`;
  await scratch.run([tree, "add", "--all", "--force", "--pathspec-from-file=-", "--pathspec-file-nul"], { input });
  const form = ["--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "-M", "-U3"];
  const prefixes = ["--src-prefix=a/", "--dst-prefix=b/"];
  const { stdout } = await scratch.run(["diff-index", "--cached", "-p", ...form, ...prefixes, baseSha, "--"]);
  return decode(stdout);
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new WhetstoneError("git_failed", "The change is not UTF-8: nobody can review it.", { cause });
  }
}
