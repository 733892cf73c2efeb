import type { FindingKind } from "../model/finding.ts";

/** The id of a finding: the same problem has the same id in every run. */
export function findingId(kind: FindingKind, service: string, operation: string): string {
  return `${kind}:${service}:${operation}`;
}
