import picomatch from "picomatch";
import type { ProposalMemory } from "../model/admission.ts";
import type { ReasonCode } from "../model/codes.ts";
import type { Proposal } from "../model/proposal.ts";
import type { StageVerdict } from "../model/verdict.ts";
import { parsePatch, pathsOf } from "../protect/patch.ts";

/** Reasons that were measured: chance has a part in them, so one such refusal alone is no proof. */
const MEASURED: ReadonlySet<ReasonCode> = new Set([
  "replay_slower",
  "replay_insufficient",
  "hypothesis_not_met",
  "errors_increased",
  "latency_increased",
]);
/** Reasons that say nothing about the change. */
const NOT_OF_THE_CHANGE: ReadonlySet<ReasonCode> = new Set([
  "base_moved",
  "server_failed",
  "verdict_missing",
  "api_error",
  "review_missing",
  "duplicate_open",
  "disabled",
  "timed_out",
]);

/**
 * What is remembered against a proposal: a hard rule that forbids its kind of finding or one of its files; a person who
 * closed the same change; the same change refused on the same commit, where a second refusal is asked of what is measured.
 * On another commit something new may speak for it.
 */
export function judgeMemory({ earlier, constraints }: ProposalMemory, { answer }: Proposal): StageVerdict {
  const parsed = parsePatch(answer.patch);
  const paths = parsed.ok ? parsed.patch.files.flatMap(pathsOf) : [];
  const forbidden = constraints.flatMap(({ rule, findings, paths: globs }) => {
    const kinds = answer.findings.filter((kind) => findings.includes(kind));
    // Whatever a glob may mean with case or a leading point, it forbids.
    const matches = picomatch([...globs], { dot: true, nocase: true });
    return [...kinds, ...paths.filter((path) => matches(path))].map((what) => `The rule ${rule} forbids ${what}.`);
  });
  if (forbidden.length > 0) return { verdict: "fail", reasons: ["rule_forbids"], details: forbidden };
  const closed = earlier.filter(({ status }) => status === "closed");
  const here = earlier.filter(
    ({ sameBase, reasons }) => sameBase && !reasons.every((one) => NOT_OF_THE_CHANGE.has(one)),
  );
  const certain = here.filter(({ reasons }) =>
    reasons.some((one) => !MEASURED.has(one) && !NOT_OF_THE_CHANGE.has(one)),
  );
  const against = [...closed, ...(certain.length > 0 || here.length > 1 ? here : [])];
  if (against.length === 0) return { verdict: "pass", reasons: ["ok"], details: [] };
  // Its earlier reasons stay with it: what stopped this change is still what stopped it.
  const reasons = [...new Set<ReasonCode>(["fingerprint_rejected", ...against.flatMap((one) => one.reasons)])];
  const details = [...new Set(against)].map(
    ({ outcome, at, status, reasons: why }) =>
      `The same change was ${status.replace("_", " ")} on ${at} (${why.join(", ")}; ${outcome}).`,
  );
  return { verdict: "fail", reasons, details };
}
