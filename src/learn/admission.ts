import type { SessionAdmission } from "../model/admission.ts";
import type { FindingKind } from "../model/finding.ts";
import type { Outcome, Rule } from "../model/outcome.ts";
import { formatInstant, parseInstant } from "../model/time.ts";
import type { StageVerdict } from "../model/verdict.ts";
import { isHeedable } from "./text.ts";
import { latestPerDossier } from "./trials.ts";

/** What admission is judged from. */
export type AdmissionSource = {
  readonly outcomes: readonly Outcome[];
  /** Hard rules in force. */
  readonly rules: readonly Rule[];
  readonly findings: readonly FindingKind[];
  /** RFC 3339. */
  readonly now: string;
  readonly cooldownHours: number;
  readonly cooldownAfter: number;
};

/** What the outcomes and the hard rules have against a session on these findings. Pure. */
export function admissionOf({ outcomes, rules, findings, now, ...limits }: AdmissionSource): SessionAdmission {
  const kinds = [...new Set(findings)];
  const latest = [...latestPerDossier(outcomes).values()];
  return {
    schema: "whetstone.admission/1",
    at: now,
    findings: kinds,
    resting: kinds.flatMap((finding) => restOf(finding, latest, { now, ...limits }) ?? []),
    constraints: rules.flatMap(({ id, hard }) => (hard === undefined ? [] : [{ rule: id, ...hard }])),
  };
}

type Limits = Pick<AdmissionSource, "now" | "cooldownHours" | "cooldownAfter">;

/** Changes for the kind that were stopped since the last one that was kept, by reasons that their author could heed. */
function restOf(
  finding: FindingKind,
  outcomes: readonly Outcome[],
  { now, cooldownHours, cooldownAfter }: Limits,
): SessionAdmission["resting"][number] | undefined {
  const time = ({ at }: Outcome): bigint => parseInstant(at, 0n);
  const own = outcomes
    .filter(({ findings }) => findings.includes(finding))
    .toSorted((a, b) => (time(a) < time(b) ? 1 : time(a) > time(b) ? -1 : 0));
  const kept = own.findIndex(({ status }) => ["promoted", "held", "merged", "proposed"].includes(status));
  const stopped = (kept < 0 ? own : own.slice(0, kept)).filter(
    ({ status, reasons }) => ["rejected", "closed", "rolled_back"].includes(status) && reasons.some(isHeedable),
  );
  const [last] = stopped;
  if (last === undefined || stopped.length < cooldownAfter) return undefined;
  const until = time(last) + BigInt(Math.round(cooldownHours * 3_600)) * 1_000_000_000n;
  if (until <= parseInstant(now, 0n)) return undefined;
  return { finding, stopped: stopped.length, until: formatInstant(until) };
}

/** May a session start? Only when a kind of finding is left that neither rests nor is forbidden. */
export function judgeAdmission({ findings, resting, constraints }: SessionAdmission): StageVerdict {
  const forbidding = (kind: FindingKind): string | undefined =>
    constraints.find((constraint) => constraint.findings.includes(kind))?.rule;
  const details = findings.flatMap((kind) => {
    const rule = forbidding(kind);
    if (rule !== undefined) return [`${kind}: forbidden by the rule ${rule}`];
    const rest = resting.find(({ finding }) => finding === kind);
    return rest ? [`${kind}: ${rest.stopped} changes in a row were stopped; it rests until ${rest.until}`] : [];
  });
  if (details.length < findings.length || findings.length === 0) return { verdict: "pass", reasons: ["ok"], details };
  // All of them forbidden is a refusal; where one only rests, time alone will tell.
  const isForbidden = findings.every((kind) => forbidding(kind) !== undefined);
  return isForbidden
    ? { verdict: "fail", reasons: ["rule_forbids"], details }
    : { verdict: "inconclusive", reasons: ["cooldown"], details };
}
