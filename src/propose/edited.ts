import { diffIndices } from "node-diff3";
import type { History } from "../github/history-port.ts";
import type { CommitSha } from "../model/json.ts";
import { applyToTexts } from "../protect/patch-apply.ts";
import { parsePatch } from "../protect/patch.ts";

/** What people changed of a proposal before they merged it. */
export type Edited = { readonly files: number; readonly lines: number };

type Reader = Pick<History, "tree" | "blob">;
type Merged = { readonly before: CommitSha; readonly changed: CommitSha };

/**
 * Lines that were merged beside the validated patch, or of it were not: for each file that either touches, the lines that
 * differ between what the patch makes of the commit before the merge and what was merged. Undefined where the patch does
 * not apply to that commit or content is binary: then it cannot be told.
 * @throws WhetstoneError `api_failed`
 */
export async function editedBeside(history: Reader, patch: string, merged: Merged): Promise<Edited | undefined> {
  const parsed = parsePatch(patch);
  if (!parsed.ok) return undefined;
  const [before, changed] = [await history.tree(merged.before), await history.tree(merged.changed)];
  const touched = new Set(parsed.patch.files.flatMap(({ oldPath, newPath }) => [oldPath, newPath]));
  const differing = [...before.keys(), ...changed.keys()].filter(
    (path) => before.get(path)?.sha !== changed.get(path)?.sha,
  );
  const paths = new Set([...touched, ...differing].filter((path) => path !== undefined));
  const [old, now] = [await textsOf(history, before, paths), await textsOf(history, changed, paths)];
  if (old === undefined || now === undefined) return undefined;
  const applied = applyToTexts(old, parsed.patch);
  if (!applied.ok) return undefined;
  const counts = [...paths].map((path) => differingLines(applied.files[path] ?? "", now[path] ?? ""));
  return { files: counts.filter((lines) => lines > 0).length, lines: counts.reduce((sum, lines) => sum + lines, 0) };
}

async function textsOf(
  history: Reader,
  tree: ReadonlyMap<string, { readonly sha: string }>,
  paths: ReadonlySet<string>,
): Promise<Readonly<Record<string, string>> | undefined> {
  const texts: Record<string, string> = {};
  for (const path of paths) {
    const entry = tree.get(path);
    if (entry === undefined) continue;
    const bytes = await history.blob(entry.sha);
    if (bytes.includes(0)) return undefined;
    texts[path] = new TextDecoder().decode(bytes);
  }
  return texts;
}

/** Lines added and lines removed. */
function differingLines(one: string, other: string): number {
  const [a, b] = [one, other].map((text) => text.split(/(?<=\n)/).filter((line) => line !== "")) as [
    string[],
    string[],
  ];
  return diffIndices(a, b).reduce((sum, { buffer1, buffer2 }) => sum + buffer1[1] + buffer2[1], 0);
}
