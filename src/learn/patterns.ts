import { REASON_CODE_LIST, type ReasonCode } from "../model/codes.ts";
import { FindingKind } from "../model/finding.ts";
import type { Outcome, Pattern } from "../model/outcome.ts";
import { jeffreysInterval } from "../stats/proportion.ts";
import { isLater } from "./trials.ts";

/** Level of the intervals of patterns. */
const LEVEL = 0.95;

/** Fingerprint of an outcome that had no proposal. */
const NO_FINGERPRINT = "0".repeat(64);

/**
 * Regularities over outcomes, by kind of finding: how often a change for it was kept (`effective_fix`), and how often
 * one was stopped for the same reason (`recurring_failure`, one pattern per reason). A proposal counts once, with its
 * latest outcome. Deterministic: the order of the outcomes does not matter. `independent` counts distinct fingerprints.
 */
export function minePatterns(outcomes: readonly Outcome[]): Pattern[] {
  const latest = latestPerProposal(outcomes);
  return FindingKind.options.flatMap((finding) => {
    const trials = latest.filter((outcome) => outcome.findings.includes(finding));
    return [...effectiveFixes(finding, trials), ...recurringFailures(finding, trials)];
  });
}

/** Outcomes of proposals, each proposal's latest only, by id. Outcomes without a proposal say nothing about changes. */
export function latestPerProposal(outcomes: readonly Outcome[]): Outcome[] {
  const proposed = outcomes.filter(({ fingerprint }) => fingerprint !== NO_FINGERPRINT);
  const latest = new Map<string, Outcome>();
  for (const outcome of proposed) {
    const known = latest.get(outcome.proposal);
    if (known === undefined || isLater(outcome, known)) latest.set(outcome.proposal, outcome);
  }
  return [...latest.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function effectiveFixes(finding: FindingKind, trials: readonly Outcome[]): Pattern[] {
  const kept = trials.filter(({ status }) => status === "promoted" || status === "held");
  const reason = commonestReason(kept);
  return reason === undefined ? [] : [pattern({ finding, kind: "effective_fix", reason, trials: trials.length }, kept)];
}

function recurringFailures(finding: FindingKind, trials: readonly Outcome[]): Pattern[] {
  const stopped = trials.filter(({ status }) => ["rejected", "closed", "rolled_back", "faded"].includes(status));
  return REASON_CODE_LIST.flatMap((reason) => {
    const same = stopped.filter(({ reasons }) => reasons.includes(reason));
    if (same.length === 0) return [];
    return [pattern({ finding, kind: "recurring_failure", reason, trials: trials.length }, same)];
  });
}

/** The reason that most outcomes carry; of equals the first in the order of the codes. */
function commonestReason(outcomes: readonly Outcome[]): ReasonCode | undefined {
  const count = (reason: ReasonCode): number => outcomes.filter(({ reasons }) => reasons.includes(reason)).length;
  const most = Math.max(...REASON_CODE_LIST.map(count));
  return most === 0 ? undefined : REASON_CODE_LIST.find((reason) => count(reason) === most);
}

function pattern(head: Pick<Pattern, "finding" | "kind" | "reason" | "trials">, shown: readonly Outcome[]): Pattern {
  const occurrences = shown.length;
  return {
    id: slug(head.kind === "effective_fix" ? [head.kind, head.finding] : [head.kind, head.finding, head.reason]),
    ...head,
    occurrences,
    share: occurrences / head.trials,
    interval: jeffreysInterval({ successes: occurrences, trials: head.trials }, LEVEL),
    outcomes: shown.map(({ id }) => id),
    independent: new Set(shown.map(({ fingerprint }) => fingerprint)).size,
  };
}

/** Words joined to an id: lower-case letters, digits and single dashes. */
export function slug(words: readonly string[]): string {
  return words
    .join("-")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}
