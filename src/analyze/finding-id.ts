import type { FindingKind } from "../model/finding.ts";

/**
 * The id of a finding: the same problem has the same id in every run, and no two have one. The service stands between
 * colons, so its own are written as in a URL (`%3A`), and `%` with them; the operation stands last and as it is.
 */
export function findingId(kind: FindingKind, service: string, operation: string): string {
  return `${kind}:${service.replaceAll("%", "%25").replaceAll(":", "%3A")}:${operation}`;
}
