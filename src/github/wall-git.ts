import { existsSync } from "node:fs";
import { copyFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { WhetstoneError } from "../model/error.ts";
import type { RawChange } from "../protect/wall/change.ts";
import type { BaseTree, GitApplied, GitObject, TreeEntry, WallGit } from "../protect/wall/wall-git.ts";
import { takeBundle } from "./scratch-bundle.ts";
import { openScratch, type Scratch } from "./scratch.ts";

/** {@link WallGit} over a scratch repository beside `root`, which is gone at the end of the scope. */
export async function openWallGit(root: string): Promise<WallGit & AsyncDisposable> {
  const scratch = await openScratch(root);
  // Reading the base takes as long as the repository is large; several changes of one base share it.
  const bases = new Map<string, Promise<BaseTree | undefined>>();
  return {
    clear: scratch.clear,
    base: (sha) => {
      const known = bases.get(sha) ?? readBase(scratch, sha);
      bases.set(sha, known);
      return known;
    },
    objects: (ids) => readObjects(scratch, ids),
    apply: (base, patch) => applyCached(scratch, base, patch),
    diffTree: (before, after) => diffTree(scratch, before, after),
    takeBundle: (bundle, options) => takeBundle(scratch, bundle, options),
    diff: async (before, after) => {
      const form = ["--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "-M", "-U3"];
      const prefixes = ["--src-prefix=a/", "--dst-prefix=b/", "--line-prefix=", "--ignore-submodules=none"];
      return (await scratch.run(["diff-tree", "-p", "-r", ...form, ...prefixes, before, after, "--"])).stdout;
    },
    [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
  };
}

async function readBase(scratch: Scratch, sha: string): Promise<BaseTree | undefined> {
  const tree = await scratch.run(["rev-parse", "--verify", "--quiet", `${sha}^{tree}`], { okCodes: [0, 1, 128] });
  if (tree.code !== 0) return undefined;
  // The base counts as a commit without parents: how deep the repository was cloned does not matter.
  await writeFile(join(scratch.path, "shallow"), `${sha}\n`);
  await writeFile(join(scratch.path, "refs/heads/base"), `${sha}\n`);
  const { stdout } = await scratch.run(["ls-tree", "-r", "-t", "-z", "--full-tree", sha]);
  const all = records(stdout).map(entryOf);
  const folders = new Map(all.filter(isFolder).map(({ path, id }) => [path, id]));
  return { tree: tree.stdout.toString().trim(), entries: all.filter((entry) => !isFolder(entry)), folders };
}

function isFolder({ mode }: TreeEntry): boolean {
  return mode === "040000";
}

function records(stdout: Buffer): readonly string[] {
  return stdout
    .toString("utf8")
    .split("\0")
    .filter((record) => record !== "");
}

/** `mode SP type SP id TAB path` */
function entryOf(record: string): TreeEntry {
  const tab = record.indexOf("\t");
  const [mode = "", , id = ""] = record.slice(0, tab).split(" ");
  return { mode, id, path: record.slice(tab + 1) };
}

async function readObjects(scratch: Scratch, ids: readonly string[]): Promise<ReadonlyMap<string, GitObject>> {
  const named = ids.filter((id) => /^[0-9a-f]{40,64}$/.test(id));
  const found = await Promise.all(named.map(async (id) => [id, await scratch.object(id)] as const));
  return new Map(found.flatMap(([id, object]) => (object === undefined ? [] : [[id, object] as const])));
}

async function applyCached(scratch: Scratch, base: string, patch: Uint8Array): Promise<GitApplied> {
  await readIndex(scratch, base);
  const args = ["apply", "--cached", "--apply", "--numstat", "--summary", "-z", "--whitespace=nowarn", "-"];
  // −1: git ended by a signal. Some hostile patches trip its own assertions, which is a refusal like any other.
  const { code, stdout, stderr } = await scratch.run(args, { input: patch, okCodes: [0, 1, 128, -1] });
  // What it was ended over must not keep the next patch of this repository from being tried.
  if (code === -1) await rm(join(scratch.path, "index.lock"), { force: true });
  if (code !== 0) return { ok: false, detail: stderr.trim() };
  // Numbers end with NUL each, the lines of the summary follow.
  const parts = stdout.toString("utf8").split("\0");
  const summary = (parts.pop() ?? "").split("\n").filter((line) => line !== "");
  const tree = (await scratch.run(["write-tree"])).stdout.toString().trim();
  return { ok: true, reading: { numstat: parts, summary }, tree };
}

/** Puts the base's tree into the index; from a copy where it was read before, which costs no process. */
async function readIndex(scratch: Scratch, base: string): Promise<void> {
  const [index, kept] = [join(scratch.path, "index"), join(scratch.path, `index-of-${base}`)];
  if (existsSync(kept)) return await copyFile(kept, index);
  await scratch.run(["read-tree", base]);
  // Another name than an id may stand for another tree the next time, and be no name of a file.
  if (/^[0-9a-f]{40,64}$/.test(base)) await copyFile(index, kept);
}

async function diffTree(scratch: Scratch, before: string, after: string): Promise<readonly RawChange[]> {
  const { stdout } = await scratch.run([
    "diff-tree",
    "-r",
    "--raw",
    "-z",
    "--no-renames",
    "--full-index",
    before,
    after,
  ]);
  const all = records(stdout);
  const changes: RawChange[] = [];
  for (let at = 0; at + 1 < all.length; at += 2) changes.push(rawChange(all[at] ?? "", all[at + 1] ?? ""));
  return changes.sort((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)));
}

/** `:oldmode newmode oldid newid status` and the path; zeros stand for an absent side. */
function rawChange(head: string, path: string): RawChange {
  const [oldMode, newMode, oldId, newId, ...rest] = head.slice(1).split(" ");
  if (!head.startsWith(":") || rest.length !== 1) {
    throw new WhetstoneError("git_failed", `git diff-tree wrote ${JSON.stringify(head)}, which it should not.`, {
      remedy: "Use git 2.30 or newer.",
    });
  }
  const present = (text: string | undefined) => (text === undefined || /^0+$/.test(text) ? null : text);
  return { path, oldMode: present(oldMode), newMode: present(newMode), oldId: present(oldId), newId: present(newId) };
}
