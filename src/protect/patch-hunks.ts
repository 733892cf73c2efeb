import { type Cursor, type Hunk, malformed, type PatchLine, peek } from "./patch-form.ts";

const HEADER = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(?: .*)?$/;

type Counts = Omit<Hunk, "lines">;
/** Which sides have had their last line: nothing may follow a line without a line break. */
type Ended = { old: boolean; new: boolean };

/** Reads all hunks of a file, checking their counts and order. Throws what `malformed` makes. */
export function readHunks(cursor: Cursor): readonly Hunk[] {
  const hunks: Hunk[] = [];
  const ended: Ended = { old: false, new: false };
  // Lines that the hunks so far added less those that they removed.
  let shift = 0;
  for (let line = peek(cursor); line?.startsWith("@@"); line = peek(cursor)) {
    const counts = readCounts(cursor, line);
    const last = hunks.at(-1);
    if (last !== undefined && counts.oldStart < last.oldStart + last.oldLines) {
      throw malformed(cursor, "the hunk overlaps or precedes the one before it");
    }
    if (firstLine(counts.newStart, counts.newLines) !== firstLine(counts.oldStart, counts.oldLines) + shift) {
      throw malformed(cursor, "old and new position of the hunk do not fit together");
    }
    shift += counts.newLines - counts.oldLines;
    cursor.at += 1;
    const lines = readLines(cursor, counts, ended);
    if (lines.every(({ kind }) => kind === "context")) throw malformed(cursor, "the hunk above changes nothing");
    hunks.push({ ...counts, lines });
  }
  return hunks;
}

/** 0-based line where a side of a hunk begins: without lines, its header names the line before. */
function firstLine(start: number, lines: number): number {
  return lines === 0 ? start : start - 1;
}

function readCounts(cursor: Cursor, line: string): Counts {
  const match = HEADER.exec(line);
  if (match === null) throw malformed(cursor, "this is no hunk header");
  const [oldStart, oldLines, newStart, newLines] = match.slice(1, 5).map((digits) => Number(digits ?? 1));
  const counts = { oldStart: oldStart ?? 0, oldLines: oldLines ?? 1, newStart: newStart ?? 0, newLines: newLines ?? 1 };
  const zero = (start: number, count: number) => start === 0 && count !== 0;
  if (zero(counts.oldStart, counts.oldLines) || zero(counts.newStart, counts.newLines)) {
    throw malformed(cursor, "a hunk with lines cannot start at line 0");
  }
  return counts;
}

function readLines(cursor: Cursor, { oldLines, newLines }: Counts, ended: Ended): readonly PatchLine[] {
  const lines: PatchLine[] = [];
  let [oldLeft, newLeft] = [oldLines, newLines];
  while (oldLeft > 0 || newLeft > 0) {
    const line = readLine(cursor, ended);
    if (line.kind !== "add") oldLeft -= 1;
    if (line.kind !== "remove") newLeft -= 1;
    if (oldLeft < 0 || newLeft < 0) throw malformed(cursor, "the hunk has other lines than its header counts");
    lines.push(line);
  }
  return lines;
}

function readLine(cursor: Cursor, ended: Ended): PatchLine {
  const line = peek(cursor);
  if (line === undefined) throw malformed(cursor, "the patch ends inside a hunk");
  const kind = kindOf(line);
  if (kind === undefined) throw malformed(cursor, "the hunk has fewer lines than its header counts");
  if ((kind !== "add" && ended.old) || (kind !== "remove" && ended.new)) {
    throw malformed(cursor, "a line follows the last line of the file");
  }
  cursor.at += 1;
  const eol = !(peek(cursor)?.startsWith("\\ ") ?? false);
  if (!eol) {
    cursor.at += 1;
    if (kind !== "add") ended.old = true;
    if (kind !== "remove") ended.new = true;
  }
  return { kind, text: line.slice(1), eol };
}

function kindOf(line: string): PatchLine["kind"] | undefined {
  if (line.startsWith("+")) return "add";
  if (line.startsWith("-")) return "remove";
  // Editors strip the one blank of an empty context line; git reads it all the same.
  return line === "" || line.startsWith(" ") ? "context" : undefined;
}
