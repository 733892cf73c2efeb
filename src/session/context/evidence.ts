import type { Evidence, Finding, OperationSummary } from "../../model/finding.ts";
import { canonicalJson } from "../../model/json.ts";
import { dataLine } from "../../protect/data-line.ts";
import type { Entry } from "./fit.ts";

const SEVERITY: Readonly<Record<Finding["severity"], number>> = { critical: 3, major: 2, minor: 1, info: 0 };

/** Evidence with its lists by weight, heaviest first, whatever order they came in. */
export function byWeight(evidence: Evidence): Evidence {
  return {
    ...evidence,
    findings: sorted(evidence.findings, ({ severity, gainMs, confidence }) => [SEVERITY[severity], gainMs, confidence]),
    operations: sorted(evidence.operations, ({ calls, p50Ms, errors }) => [calls * p50Ms, errors, calls]),
  };
}

/** What counts for the whole window. */
export function evidenceHead({ target, window, traces, spans, omitted }: Evidence, digest: string): string {
  return dataLine({ part: "evidence", digest, target, window, traces, spans, omitted });
}

/** One line for each finding. */
export function findingEntries(findings: readonly Finding[]): readonly Entry[] {
  return findings.map((finding) => ({ id: finding.id, text: dataLine({ part: "finding", ...finding }) }));
}

/** One line for each operation. */
export function operationEntries(operations: readonly OperationSummary[]): readonly Entry[] {
  return operations.map((operation) => ({
    id: `${operation.service}:${operation.operation}`,
    text: dataLine({ part: "operation", ...operation }),
  }));
}

/** By numbers, greatest first; what is equal in them by its canonical text, so that the order is total. */
function sorted<T>(items: readonly T[], numbersOf: (item: T) => readonly number[]): T[] {
  return items
    .map((item) => ({ item, numbers: numbersOf(item), text: canonicalJson(item) }))
    .toSorted((a, b) => compare(a.numbers, b.numbers) || (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ item }) => item);
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = (b[index] ?? 0) - value;
    if (difference !== 0) return difference;
  }
  return 0;
}
