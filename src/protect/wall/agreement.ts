import type { StageVerdict } from "../../model/verdict.ts";
import { linesOf } from "../patch-file.ts";
import type { FilePatch, Patch } from "../patch-form.ts";
import type { GitReading, RawChange, WallEvidence } from "./change.ts";

/**
 * Whether the three views of a change are the same: paths, modes, kinds of change, added and removed lines, blob ids.
 * Pure, so that a dossier's comparison can be repeated.
 */
export function judgeViews(patch: Patch, { ours, read, tree }: WallEvidence): StageVerdict {
  const details = [
    ...differences("git apply counts", readingOf(patch).numstat, read.numstat),
    ...differences("git apply sees", readingOf(patch).summary, read.summary),
    ...differences("the result has", ours.map(rawLine), tree.map(rawLine)),
  ];
  if (details.length === 0) return { verdict: "pass", reasons: ["ok"], details: [] };
  return { verdict: "fail", reasons: ["views_disagree"], details: details.slice(0, 20) };
}

function differences(what: string, expected: readonly string[], seen: readonly string[]): readonly string[] {
  const [ours, theirs] = [tally(expected), tally(seen)];
  const lines = [...new Set([...expected, ...seen])].filter((line) => ours.get(line) !== theirs.get(line));
  return lines.map((line) =>
    theirs.has(line)
      ? `${what} ${JSON.stringify(line)}, which our reading does not.`
      : `By our reading ${JSON.stringify(line)}; git says nothing of it.`,
  );
}

function tally(lines: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

function rawLine({ path, oldMode, newMode, oldId, newId }: RawChange): string {
  return `${oldMode} ${newMode} ${oldId} ${newId} ${path}`;
}

/** What git should say of a patch that it reads as we do (apply.c, `numstat_patch_list`, `summary_patch_list`). */
function readingOf({ files }: Patch): GitReading {
  return { numstat: files.map(numstatOf), summary: files.flatMap(summaryOf) };
}

function numstatOf(file: FilePatch): string {
  const path = file.newPath ?? file.oldPath ?? "";
  if (file.binary) return `-\t-\t${path}`;
  const kinds = linesOf(file).map(({ kind }) => kind);
  const count = (wanted: string) => kinds.filter((kind) => kind === wanted).length;
  return `${count("add")}\t${count("remove")}\t${path}`;
}

function summaryOf(file: FilePatch): readonly string[] {
  const { status, oldPath = "", newPath = "", oldMode, newMode } = file;
  const changed = oldMode !== undefined && newMode !== undefined && oldMode !== newMode;
  switch (status) {
    case "added":
      return [` create mode ${newMode} ${newPath}`];
    case "deleted":
      return [` delete mode ${oldMode} ${oldPath}`];
    case "renamed": {
      const mode = changed ? [` mode change ${oldMode} => ${newMode}`] : [];
      return [` rename ${renameOf(oldPath, newPath)} (${file.similarity ?? 0}%)`, ...mode];
    }
    case "modified":
      return changed ? [` mode change ${oldMode} => ${newMode} ${newPath}`] : [];
  }
}

/** Common folders once, the differing rest in braces. The summary quotes no name; those with line breaks are refused. */
function renameOf(oldPath: string, newPath: string): string {
  const [before, after] = [oldPath.split("/"), newPath.split("/")];
  let common = 0;
  while (common < Math.min(before.length, after.length) - 1 && before[common] === after[common]) common += 1;
  if (common === 0) return `${oldPath} => ${newPath}`;
  const rest = (parts: readonly string[]) => parts.slice(common).join("/");
  return `${before.slice(0, common).join("/")}/{${rest(before)} => ${rest(after)}}`;
}
