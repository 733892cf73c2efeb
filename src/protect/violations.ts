import type { ReasonCode } from "../model/codes.ts";
import type { LedgerRecord } from "../model/ledger.ts";

/** Kinds of violation: writing without leave, beyond what leave was given for, beyond a size, beyond a time. */
export const VIOLATION_KINDS = ["readOnly", "scope", "resourceLimit", "timeout"] as const;
export type ViolationKind = (typeof VIOLATION_KINDS)[number];

/** How often each kind was refused. */
export type Violations = Readonly<Record<ViolationKind, number>>;

/** Reasons of refusals that are violations; the others are ordinary verdicts. */
const KIND_OF: Partial<Record<ReasonCode, ViolationKind>> = {
  authorization_missing: "readOnly",
  authorization_unknown: "readOnly",
  authorization_not_granted: "readOnly",
  authorization_used: "readOnly",
  authorization_revoked: "readOnly",
  authorization_altered: "readOnly",
  authorization_decided: "readOnly",
  authorization_reused: "readOnly",
  token_malformed: "readOnly",
  token_signature: "readOnly",
  key_unknown: "readOnly",
  key_retired: "readOnly",
  role_missing: "readOnly",
  person_needed: "readOnly",
  two_person: "readOnly",
  disabled: "readOnly",
  authorization_repository: "scope",
  authorization_operation: "scope",
  authorization_target: "scope",
  authorization_actor: "scope",
  digest_mismatch: "scope",
  pull_unfit: "scope",
  path_forbidden: "scope",
  text_forbidden: "scope",
  actor_not_allowed: "scope",
  path_collision: "scope",
  mode_forbidden: "scope",
  binary_forbidden: "scope",
  merge_forbidden: "scope",
  views_disagree: "scope",
  artifact_foreign: "scope",
  callback_forbidden: "scope",
  size_exceeded: "resourceLimit",
  budget_exhausted: "resourceLimit",
  authorization_expired: "timeout",
  authorization_early: "timeout",
  timed_out: "timeout",
};

/** What the names of reasons say by their form, so that a new one of a family is counted too. */
const FAMILIES: readonly (readonly [RegExp, ViolationKind])[] = [
  [/^(?:authorization|token|key|role|person|two)_/, "readOnly"],
  [/_(?:forbidden|collision|disagree|mismatch|foreign)$/, "scope"],
  [/_(?:exceeded|exhausted)$/, "resourceLimit"],
  [/^timed_|_expired$/, "timeout"],
];

function kindOf(reasonCode: ReasonCode): ViolationKind | undefined {
  return KIND_OF[reasonCode] ?? FAMILIES.find(([form]) => form.test(reasonCode))?.[1];
}

/** The kind of violation that a ledger record tells of; undefined for what was allowed or is none. */
export function violationOf({
  decision,
  reasonCode,
}: Pick<LedgerRecord, "decision" | "reasonCode">): ViolationKind | undefined {
  return decision === "deny" ? kindOf(reasonCode) : undefined;
}

/** Sums refusals by their reasons up to violations by their kinds. `denied`: how many records refuse for each reason. */
export function countViolations(denied: ReadonlyMap<ReasonCode, number>): Violations {
  const counts: Record<ViolationKind, number> = { readOnly: 0, scope: 0, resourceLimit: 0, timeout: 0 };
  for (const [reasonCode, count] of denied) {
    const kind = violationOf({ decision: "deny", reasonCode });
    if (kind !== undefined) counts[kind] += count;
  }
  return counts;
}
