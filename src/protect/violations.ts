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
  path_forbidden: "scope",
  mode_forbidden: "scope",
  size_exceeded: "resourceLimit",
  authorization_expired: "timeout",
  authorization_early: "timeout",
};

/** The kind of violation that a ledger record tells of; undefined for what was allowed or is none. */
export function violationOf({
  decision,
  reasonCode,
}: Pick<LedgerRecord, "decision" | "reasonCode">): ViolationKind | undefined {
  return decision === "deny" ? KIND_OF[reasonCode] : undefined;
}

/** Counts the violations among ledger records. */
export function countViolations(records: Iterable<Pick<LedgerRecord, "decision" | "reasonCode">>): Violations {
  const counts: Record<ViolationKind, number> = { readOnly: 0, scope: 0, resourceLimit: 0, timeout: 0 };
  for (const record of records) {
    const kind = violationOf(record);
    if (kind !== undefined) counts[kind] += 1;
  }
  return counts;
}
