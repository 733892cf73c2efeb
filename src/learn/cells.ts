import type { PatternCell } from "../model/learning.ts";
import type { Outcome } from "../model/outcome.ts";
import { jeffreysInterval } from "../stats/proportion.ts";
import { latestPerProposal } from "./patterns.ts";

const LEVEL = 0.95;

/**
 * Outcomes of proposals counted by kind of finding, kind of change, folder and reason: which changes are kept where, what
 * stops the others, and what they cost. A proposal counts once, with its latest outcome, for each of its findings. Most
 * frequent first; the order of the outcomes does not matter.
 */
export function mineCells(outcomes: readonly Outcome[]): PatternCell[] {
  const latest = latestPerProposal(outcomes).filter(({ status }) => status !== "proposed" && status !== "merged");
  const entries = latest.flatMap((outcome) => outcome.findings.map((finding) => ({ outcome, finding })));
  const groups = Map.groupBy(entries, ({ outcome, finding }) =>
    JSON.stringify([finding, outcome.change ?? "unknown", folderOf(outcome)]),
  );
  return [...groups.values()].flatMap((group) => cellsOf(group)).toSorted(byFrequency);
}

type Entry = { readonly outcome: Outcome; readonly finding: PatternCell["finding"] };

/** The cells of one kind of finding, kind of change and folder, one per reason. */
function cellsOf(group: readonly Entry[]): PatternCell[] {
  const trials = group.length;
  const kept = group.filter(({ outcome }) => outcome.status === "promoted" || outcome.status === "held").length;
  const { low, high, level } = jeffreysInterval({ successes: kept, trials }, LEVEL);
  const success = { low, high, level, share: kept / trials };
  const byReason = Map.groupBy(group, ({ outcome }) => outcome.reasons[0] ?? "ok");
  return [...byReason].flatMap(([reason, same]) => {
    const [first] = same;
    if (first === undefined) return [];
    const { outcome, finding } = first;
    const costUsd = same.reduce((sum, one) => sum + one.outcome.costUsd, 0);
    const place = { finding, change: outcome.change ?? "unknown", folder: folderOf(outcome) } as const;
    return [{ ...place, reason, trials, occurrences: same.length, kept, success, costUsd }];
  });
}

function folderOf({ paths }: Outcome): string {
  const [first = ""] = paths.toSorted((a, b) => (a < b ? -1 : 1));
  return first.includes("/") ? first.slice(0, first.lastIndexOf("/")) : "";
}

function byFrequency(a: PatternCell, b: PatternCell): number {
  if (a.occurrences !== b.occurrences) return b.occurrences - a.occurrences;
  const key = ({ finding, change, folder, reason }: PatternCell): string =>
    [finding, change, folder, reason].join("\n");
  return key(a) < key(b) ? -1 : 1;
}
