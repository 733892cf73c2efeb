import type { ReasonCode } from "../model/codes.ts";
import { WhetstoneError } from "../model/error.ts";
import { canonicalJson } from "../model/json.ts";
import { linesOf, readFile } from "./patch-file.ts";
import { type Cursor, type FilePatch, malformed, type Patch } from "./patch-form.ts";

/** A patch that was read, or why it is refused: `patch_empty` or `patch_unparseable`, with the line. */
export type ParsedPatch =
  | { readonly ok: true; readonly patch: Patch }
  | { readonly ok: false; readonly reason: ReasonCode; readonly detail: string };

/**
 * Reads a unified diff as `git diff` writes it, strictly: whatever git might read in another way than we do is refused.
 * Every line must belong to a file, every name must be said alike in all headers, every count must be right, no path
 * may occur in two files, the text must end with a line break.
 */
export function parsePatch(text: string): ParsedPatch {
  if (text.trim() === "") return { ok: false, reason: "patch_empty", detail: "The patch is empty." };
  try {
    return { ok: true, patch: { files: readFiles(text), bytes: new TextEncoder().encode(text).length } };
  } catch (error) {
    if (!(error instanceof WhetstoneError) || error.code !== "input_unreadable") throw error;
    return { ok: false, reason: "patch_unparseable", detail: `The patch cannot be read: ${error.message}.` };
  }
}

function readFiles(text: string): readonly FilePatch[] {
  const lines = text.split("\n");
  const cursor: Cursor = { lines, at: 0 };
  assertText(cursor, text);
  // The text ends with a line break, so the last part is empty; more empty lines mean nothing to git either.
  lines.pop();
  const end = lines.findLastIndex((line) => line !== "") + 1;
  const files: FilePatch[] = [];
  const seen = new Set<string>();
  while (cursor.at < end) {
    const begin = { ...cursor };
    const file = readFile(cursor);
    for (const path of pathsOf(file)) {
      if (seen.has(path)) throw malformed(begin, `${JSON.stringify(path)} is changed twice`);
      seen.add(path);
    }
    files.push(file);
  }
  return files;
}

function assertText(cursor: Cursor, text: string): void {
  const lines = cursor.lines;
  const at = (index: number): Cursor => ({ lines, at: index });
  const nul = lines.findIndex((line) => line.includes("\0"));
  if (nul >= 0) throw malformed(at(nul), "it holds a NUL character");
  if (!text.isWellFormed()) throw malformed(at(lines.findIndex((line) => !line.isWellFormed())), "it is not Unicode");
  if (!text.endsWith("\n")) throw malformed(at(lines.length - 1), "the last line has no line break");
}

/** Old and new name of a file, once each. */
export function pathsOf({ oldPath, newPath }: FilePatch): readonly string[] {
  return [...new Set([oldPath, newPath])].filter((path) => path !== undefined);
}

/**
 * What a patch does as text: paths, modes that change, and changed lines, without positions or context and in the order
 * of paths. Equal ideas on different bases give equal texts; its digest is the fingerprint of a proposal.
 */
export function fingerprintInput({ files }: Patch): string {
  const essence = files.map((file) => ({
    status: file.status,
    oldPath: file.oldPath,
    newPath: file.newPath,
    mode: file.oldMode === file.newMode ? undefined : file.newMode,
    binary: file.content?.newId ?? file.binary,
    lines: linesOf(file)
      .filter(({ kind }) => kind !== "context")
      .map(({ kind, text, eol }) => `${kind === "add" ? "+" : "-"}${text}${eol ? "" : "\\"}`),
  }));
  return canonicalJson(essence.toSorted((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1)));
}
