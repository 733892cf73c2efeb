import { messageOf } from "../model/error.ts";
import type { CommitSha } from "../model/json.ts";
import type { CarriedFile } from "./carried-change.ts";
import { openScratch, type Scratch } from "./scratch.ts";

/** What is to be written as a patch. */
export type PatchSource = {
  /** A clone that has the base commit. */
  readonly root: string;
  readonly baseSha: CommitSha;
  readonly changes: readonly CarriedFile[];
  /** Bytes of a blob by its id. */
  readonly blob: (sha: string) => Promise<Uint8Array>;
};

/** The patch, or what about the change no patch can be made of. */
export type CarriedPatch =
  | { readonly ok: true; readonly patch: string }
  | { readonly ok: false; readonly reason: "size_exceeded" | "patch_unparseable"; readonly detail: string };

/** Bytes of one file and of all files together, far above what passes for a proposal. */
const LARGEST = { file: 16 * 1024 * 1024, all: 64 * 1024 * 1024 };
/** A submodule: its commit is in another repository. */
const SUBMODULE = "160000";

/**
 * Files put on top of a commit, as the unified diff that `git diff` writes: with renames, modes and binary content, as a
 * session's. Neither the clone nor its worktree is written; nothing of the files is checked out or run.
 * @throws WhetstoneError `git_failed`, and what `blob` throws
 */
export async function carriedPatch({ root, baseSha, changes, blob }: PatchSource): Promise<CarriedPatch> {
  await using scratch = await openScratch(root);
  let total = 0;
  for (const [path, after] of changes) {
    if (after === null || after.mode === SUBMODULE) continue;
    const bytes = await blob(after.sha);
    total += bytes.length;
    if (bytes.length > LARGEST.file || total > LARGEST.all) {
      const detail = `${JSON.stringify(path)} has ${bytes.length} bytes, all files so far ${total}.`;
      return { ok: false, reason: "size_exceeded", detail };
    }
    const { stdout } = await scratch.run(["hash-object", "-w", "--stdin"], { input: bytes });
    const id = stdout.toString().trim();
    if (id !== after.sha) {
      return {
        ok: false,
        reason: "patch_unparseable",
        detail: `${JSON.stringify(path)} is not the file ${after.sha}.`,
      };
    }
  }
  return await diffOf(scratch, baseSha, changes);
}

async function diffOf(scratch: Scratch, baseSha: CommitSha, changes: PatchSource["changes"]): Promise<CarriedPatch> {
  await scratch.run(["read-tree", baseSha]);
  const refused = await takeFiles(scratch, baseSha, changes);
  if (refused !== undefined) return { ok: false, reason: "patch_unparseable", detail: refused };
  const form = ["--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "-M", "-U3"];
  const args = ["diff-index", "--cached", "-p", ...form, "--src-prefix=a/", "--dst-prefix=b/", baseSha, "--"];
  const { stdout } = await scratch.run(args);
  try {
    return { ok: true, patch: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(stdout) };
  } catch (error) {
    const detail = `The change is not UTF-8, so nobody can review it: ${messageOf(error)}`;
    return { ok: false, reason: "patch_unparseable", detail };
  }
}

/** Puts the files into the index. git leaves out names that it does not take, and goes on: that would be another change. */
async function takeFiles(
  scratch: Scratch,
  baseSha: CommitSha,
  changes: PatchSource["changes"],
): Promise<string | undefined> {
  const gone = `0 ${"0".repeat(baseSha.length)}`;
  // What is removed comes first: a folder may take the place of a file.
  const removed = changes.filter(([, after]) => after === null).map(([path]) => `${gone}\t${path}\0`);
  const written = changes.flatMap(([path, after]) => (after ? [`${after.mode} ${after.sha}\t${path}\0`] : []));
  const input = [...removed, ...written].join("");
  const taken = await scratch.run(["update-index", "-z", "--index-info"], { input, okCodes: [0, 128] });
  if (taken.code !== 0) return `git refuses its files: ${taken.stderr.trim()}`;
  const { stdout } = await scratch.run(["diff-index", "--cached", "--name-only", "--no-renames", "-z", baseSha, "--"]);
  const named = new Set(stdout.toString("utf8").split("\0"));
  const missing = changes.find(([path]) => !named.has(path) || path.includes("\ufffd"));
  return missing === undefined ? undefined : `git does not take the name ${JSON.stringify(missing[0])}.`;
}
