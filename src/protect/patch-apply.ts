import type { FilePatch, Hunk, Patch, PatchLine } from "./patch-form.ts";

/** Files by path, with their whole text. */
export type TextFiles = Readonly<Record<string, string>>;

/** The files after a patch, or which file does not fit and why. */
export type AppliedFiles =
  { readonly ok: true; readonly files: TextFiles } | { readonly ok: false; readonly detail: string };

/**
 * Applies a patch to texts, exactly: each hunk must stand where its header says. Used by the memory forge, and as a
 * second reading of what git does. Modes are not kept; binary files are refused.
 */
export function applyToTexts(files: TextFiles, { files: changes }: Patch): AppliedFiles {
  const next = new Map(Object.entries(files));
  for (const change of changes) {
    const before = change.oldPath === undefined ? "" : next.get(change.oldPath);
    if (before === undefined) return { ok: false, detail: `${change.oldPath} does not exist` };
    const taken = change.newPath !== undefined && change.newPath !== change.oldPath && next.has(change.newPath);
    if (taken) return { ok: false, detail: `${change.newPath} exists already` };
    const after = change.binary ? undefined : applyHunks(before, change);
    if (after === undefined)
      return { ok: false, detail: `${change.oldPath ?? change.newPath} does not match the patch` };
    if (change.oldPath !== undefined) next.delete(change.oldPath);
    if (change.newPath !== undefined) next.set(change.newPath, after);
    else if (after !== "") return { ok: false, detail: `${change.oldPath} is deleted, but not all of it` };
  }
  return { ok: true, files: Object.fromEntries(next) };
}

function applyHunks(text: string, { hunks }: FilePatch): string | undefined {
  const lines = text.split(/(?<=\n)/).filter((line) => line !== "");
  const out: string[] = [];
  let at = 0;
  for (const hunk of hunks) {
    const start = hunk.oldLines === 0 ? hunk.oldStart : hunk.oldStart - 1;
    if (start < at || start > lines.length) return undefined;
    out.push(...lines.slice(at, start));
    at = start + hunk.oldLines;
    const before = side(hunk, "add");
    if (lines.slice(start, at).join("") !== before || before === undefined) return undefined;
    out.push(side(hunk, "remove"));
  }
  return [...out, ...lines.slice(at)].join("");
}

/** The text of one side of a hunk: all lines but those of the other side. */
function side({ lines }: Hunk, without: PatchLine["kind"]): string {
  return lines
    .filter(({ kind }) => kind !== without)
    .map(({ text, eol }) => (eol ? `${text}\n` : text))
    .join("");
}
