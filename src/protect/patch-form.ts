import { WhetstoneError } from "../model/error.ts";
import type { BinaryContent } from "./patch-binary.ts";

/** One line of a hunk without its sign and line break; `eol` is false before `\ No newline at end of file`. */
export type PatchLine = { readonly kind: "context" | "add" | "remove"; readonly text: string; readonly eol: boolean };

/** One hunk: positions are 1-based, 0 where a side is empty. */
export type Hunk = {
  readonly oldStart: number;
  readonly oldLines: number;
  readonly newStart: number;
  readonly newLines: number;
  readonly lines: readonly PatchLine[];
};

/** What a patch does to one file. Paths are relative to the repository; modes are six octal digits as git writes them. */
export type FilePatch = {
  readonly status: "added" | "deleted" | "modified" | "renamed";
  /** Absent for an added file. */
  readonly oldPath?: string;
  /** Absent for a deleted file. */
  readonly newPath?: string;
  /** Absent where the patch does not say it. */
  readonly oldMode?: string;
  readonly newMode?: string;
  /** How alike the sides of a rename are, in percent, where the patch says it. */
  readonly similarity?: number;
  readonly binary: boolean;
  /** Absent where the patch only says that the file is binary. */
  readonly content?: BinaryContent;
  readonly hunks: readonly Hunk[];
};

/** A parsed patch; no path occurs in two files. `bytes` is the size of its text in UTF-8. */
export type Patch = { readonly files: readonly FilePatch[]; readonly bytes: number };

/** The lines of a patch with a place in them. */
export type Cursor = { readonly lines: readonly string[]; at: number };

/** The line at the cursor; undefined at the end. */
export function peek(cursor: Cursor): string | undefined {
  return cursor.lines[cursor.at];
}

/** Takes the line at the cursor if it starts with `prefix`, and returns the rest of it. */
export function take(cursor: Cursor, prefix: string): string | undefined {
  const line = peek(cursor);
  if (line === undefined || !line.startsWith(prefix)) return undefined;
  cursor.at += 1;
  return line.slice(prefix.length);
}

/** Ends the parse: what is wrong, at the line of the cursor. */
export function malformed(cursor: Cursor, why: string): WhetstoneError {
  return new WhetstoneError("input_unreadable", `line ${cursor.at + 1}: ${why}`, { data: { line: cursor.at + 1 } });
}
