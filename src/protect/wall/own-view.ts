import { createHash } from "node:crypto";
import { applyBinary } from "../patch-binary.ts";
import type { FilePatch, Hunk, Patch, PatchLine } from "../patch-form.ts";
import type { RawChange } from "./change.ts";
import type { TreeEntry } from "./wall-git.ts";

/** The base as our own application sees it: entries by path, contents by blob id. */
export type BaseContents = {
  /** Id of the base's tree. */
  readonly tree: string;
  readonly entries: ReadonlyMap<string, TreeEntry>;
  readonly contents: ReadonlyMap<string, Uint8Array>;
};

/** What a patch leads to by our own reading, or which file does not fit and why. */
export type OwnView =
  { readonly ok: true; readonly changes: readonly RawChange[] } | { readonly ok: false; readonly detail: string };

/** A path as it is after a patch by our own reading; absent sides are null. */
export type PathAfter = { readonly path: string; readonly mode: string | null; readonly bytes: Uint8Array | null };

/** A misfit of one file; caught in {@link ownView}. */
class Misfit extends Error {}

/**
 * Applies a patch to the base's contents, exactly: every hunk where its header says, every line equal byte by byte, every
 * stated mode and id right. Errors: none; what does not fit is told.
 */
export function ownView(patch: Patch, base: BaseContents): OwnView {
  const seen = view(patch, base);
  return seen.ok ? { ok: true, changes: seen.changes.map(({ bytes: _bytes, ...change }) => change) } : seen;
}

/** The same application as {@link ownView}'s: the contents that it leads to, in the order of paths. */
export function contentsAfter(
  patch: Patch,
  base: BaseContents,
): { readonly ok: true; readonly files: readonly PathAfter[] } | Extract<OwnView, { ok: false }> {
  const seen = view(patch, base);
  if (!seen.ok) return seen;
  return { ok: true, files: seen.changes.map(({ path, newMode, bytes }) => ({ path, mode: newMode, bytes })) };
}

type Seen = RawChange & { readonly bytes: Uint8Array | null };

function view(
  patch: Patch,
  base: BaseContents,
): { ok: true; changes: readonly Seen[] } | { ok: false; detail: string } {
  try {
    return { ok: true, changes: patch.files.flatMap((file) => changesOf(file, base)).sort(byPath) };
  } catch (error) {
    if (error instanceof Misfit) return { ok: false, detail: error.message };
    throw error;
  }
}

/** The order in which views are compared. */
export function byPath(a: RawChange, b: RawChange): number {
  return a.path < b.path ? -1 : Number(a.path > b.path);
}

function changesOf(file: FilePatch, base: BaseContents): readonly Seen[] {
  const { oldPath, newPath } = file;
  const entry = oldPath === undefined ? undefined : base.entries.get(oldPath);
  if (oldPath !== undefined && entry === undefined) throw new Misfit(`${oldPath} does not exist in the base`);
  if (newPath !== undefined && newPath !== oldPath && base.entries.has(newPath)) {
    throw new Misfit(`${newPath} exists in the base already`);
  }
  if (entry !== undefined && file.oldMode !== undefined && entry.mode !== file.oldMode) {
    throw new Misfit(`${oldPath} has mode ${entry.mode} in the base, the patch says ${file.oldMode}`);
  }
  const before = entry === undefined ? new Uint8Array() : base.contents.get(entry.id);
  if (before === undefined) throw new Misfit(`${oldPath} has no content in the base`);
  const after = contentAfter(file, before);
  if (newPath === undefined && after.length > 0) throw new Misfit(`${oldPath} is deleted, but not all of it`);
  const newMode = newPath === undefined ? null : (file.newMode ?? entry?.mode ?? null);
  const newId = newPath === undefined ? null : objectId("blob", after, base.tree.length);
  assertIds(file, { oldId: entry?.id ?? null, newId });
  const gone = { oldMode: entry?.mode ?? null, oldId: entry?.id ?? null };
  if (oldPath === newPath || oldPath === undefined || newPath === undefined) {
    const bytes = newPath === undefined ? null : after;
    const change = { path: newPath ?? oldPath ?? "", ...gone, newMode, newId, bytes };
    return change.oldId === newId && change.oldMode === newMode ? [] : [change];
  }
  return [
    { path: oldPath, ...gone, newMode: null, newId: null, bytes: null },
    { path: newPath, oldMode: null, oldId: null, newMode, newId, bytes: after },
  ];
}

/** A binary patch names what it begins and ends with. */
function assertIds(
  { content, oldPath, newPath }: FilePatch,
  ids: { oldId: string | null; newId: string | null },
): void {
  if (content === undefined) return;
  const wrong = (said: string, found: string | null) => (found === null ? /[^0]/.test(said) : said !== found);
  if (wrong(content.oldId, ids.oldId)) throw new Misfit(`${oldPath ?? newPath} is another file in the base`);
  if (wrong(content.newId, ids.newId)) throw new Misfit(`${newPath ?? oldPath} becomes another file than is stated`);
}

function contentAfter(file: FilePatch, before: Uint8Array): Uint8Array {
  const name = file.oldPath ?? file.newPath ?? "";
  if (!file.binary) return applyHunks(before, file.hunks, name);
  const after = file.content && applyBinary(before, file.content.forward);
  if (after === undefined) throw new Misfit(`${name} does not match the binary patch`);
  const back = file.content?.reverse && applyBinary(after, file.content.reverse);
  if (back !== undefined && Buffer.compare(back, before) !== 0) throw new Misfit(`${name} does not match the way back`);
  return after;
}

/** Bytes as a text of one character each, so that contents that are no UTF-8 stay as they are. */
function applyHunks(before: Uint8Array, hunks: readonly Hunk[], name: string): Uint8Array {
  if (hunks.length === 0) return before;
  const lines = Buffer.from(before)
    .toString("latin1")
    .split(/(?<=\n)/);
  if (lines[0] === "") lines.pop();
  const out: string[] = [];
  let at = 0;
  for (const hunk of hunks) {
    const start = hunk.oldLines === 0 ? hunk.oldStart : hunk.oldStart - 1;
    if (start < at || start > lines.length) throw new Misfit(`${name} has no line ${hunk.oldStart}`);
    out.push(...lines.slice(at, start));
    at = start + hunk.oldLines;
    if (lines.slice(start, at).join("") !== side(hunk, "add")) {
      throw new Misfit(`${name} differs from the patch in or after line ${hunk.oldStart}`);
    }
    // git takes such a hunk for one at the end of the file (`match_end` in its apply.c), whatever its header says.
    if (hunk.lines.at(-1)?.kind !== "context" && at !== lines.length) {
      throw new Misfit(`${name}: the hunk at line ${hunk.oldStart} ends without context before the end of the file`);
    }
    out.push(side(hunk, "remove"));
  }
  const ends = out.at(-1) ?? "";
  const rest = lines.slice(at);
  if (rest.length > 0 && ends !== "" && !ends.endsWith("\n")) throw new Misfit(`${name} does not end at its last line`);
  return Buffer.from([...out, ...rest].join(""), "latin1");
}

function side({ lines }: Hunk, without: PatchLine["kind"]): string {
  const text = lines
    .filter(({ kind }) => kind !== without)
    .map((line) => (line.eol ? `${line.text}\n` : line.text))
    .join("");
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The id of an object of git: SHA-1, or SHA-256 for ids of 64 digits, of its type, size and bytes. */
export function objectId(type: string, bytes: Uint8Array, length: number): string {
  const hash = createHash(length === 64 ? "sha256" : "sha1");
  return hash.update(`${type} ${bytes.length}\0`).update(bytes).digest("hex");
}
