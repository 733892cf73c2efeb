import type { Finding } from "../../model/finding.ts";
import { callMs, callsByOperation, nsToMs, weightedNs } from "../calls.ts";
import { findingId } from "../finding-id.ts";
import { msInText, nameInText } from "../names.ts";
import { confidenceOf, measuredQuantile, median, severityOfTimeLost, shareOf, sum } from "../rating.ts";
import type { TraceTree } from "../tree.ts";
import { worstTraces } from "./exemplars.ts";
import { repeatedChildren, type NPlusOneOptions } from "./n-plus-one.ts";
import { ALWAYS, busyNsOf, sequentialGroup, toRow, type Row } from "./sequential-group.ts";

/** When calls in sequence are reported. */
export type SequentialOptions = NPlusOneOptions & {
  /** Least number of undisturbed calls of the parent; default 5. */
  readonly minCalls?: number;
  /** Least share of the parent's time that running them together would save; default 0.1. */
  readonly minShare?: number;
};

/**
 * Calls in sequence: at least two **different** child operations that run in (almost) every successful call of their
 * parent and never overlap, although nothing in the telemetry shows that one needs the other. A dependency is shown by
 * a span link to the earlier operation, or by an operation that does not always run (it may hang on an earlier result).
 * Children that N+1 explains are left out. `gainMs` assumes that together they take as long as the longest of them,
 * and counts only what is on the critical path.
 * Telemetry cannot prove independence; confidence is low unless the order of the operations changes between calls.
 */
export function detectSequentialCalls(traces: readonly TraceTree[], options: SequentialOptions = {}): Finding[] {
  const { minCalls = 5, minShare = 0.1 } = options;
  const findings: Finding[] = [];
  for (const calls of callsByOperation(traces).values()) {
    const successful = calls.filter(({ failed }) => !failed);
    if (successful.length < Math.max(1, minCalls)) continue;
    if (successful.every(({ children }) => children.length < 2)) continue;
    const explained = new Set(repeatedChildren(calls, options).map(({ child }) => child.key));
    const rows = successful.map((call) => toRow(call, explained));
    const group = sequentialGroup(rows);
    if (group.length < 2) continue;
    const gains = rows.map((row) => gainNs(row, group));
    const share = shareOf(
      sum(gains.map((gain, at) => (rows[at]?.call.weight ?? 1) * gain)),
      sum(successful.map(weightedNs)),
    );
    if (share >= minShare) findings.push(toFinding({ rows, group, gains, share }));
  }
  return findings;
}

function gainNs({ call, blocks }: Row, group: readonly string[]): number {
  const busy = group.map((key) => blocks.get(key)?.busyNs ?? 0);
  const waited = sum(group.flatMap((key) => blocks.get(key)?.calls.map(({ pathNs }) => pathNs) ?? []));
  return Math.max(0, Math.min(sum(busy), waited, call.end - call.start) - Math.max(...busy));
}

/** Share of the calls in which the group does not run in its usual order. */
function reordered(rows: readonly Row[], group: readonly string[]): number {
  const outOfOrder = rows.filter(({ blocks }) => {
    const starts = group.flatMap((key) => blocks.get(key)?.span.start ?? []);
    return starts.some((start, index) => index > 0 && start < (starts[index - 1] ?? start));
  });
  return outOfOrder.length / rows.length;
}

type Evaluated = {
  readonly rows: readonly Row[];
  readonly group: readonly string[];
  readonly gains: readonly number[];
  readonly share: number;
};

function toFinding({ rows, group, gains, share }: Evaluated): Finding {
  const { service, operation } = (rows[0] as Row).call;
  const names = group.map((key) => nameOf(rows, key));
  const weights = rows.map((row) => row.call.weight);
  const { value, interval } = measuredQuantile(
    rows.map((row) => callMs(row.call)),
    0.5,
    weights,
  );
  const gainMs = nsToMs(median(gains, weights));
  const ceiling = reordered(rows, group) >= 1 - ALWAYS ? 0.85 : 0.5;
  return {
    id: findingId("sequential_calls", service, operation),
    kind: "sequential_calls",
    severity: severityOfTimeLost(share),
    service,
    operation,
    metric: "duration_ms",
    value,
    baseline: Math.max(0, value - gainMs),
    ...(interval && { interval }),
    samples: rows.length,
    gainMs,
    child: longestOf(rows, group, names),
    traceIds: worstTraces(rows.map((row, index) => ({ traceId: row.call.traceId, badness: gains[index] ?? 0 }))),
    confidence: confidenceOf({ samples: rows.length, effect: share * 2, ceiling }),
    suggestion: suggest(operation, names, { samples: rows.length, gainMs }),
  };
}

function longestOf(rows: readonly Row[], group: readonly string[], names: readonly string[]): string {
  const busy = group.map((key) => busyNsOf(rows, key));
  return names[busy.indexOf(Math.max(...busy))] ?? "";
}

function nameOf(rows: readonly Row[], key: string): string {
  return rows.find(({ blocks }) => blocks.has(key))?.blocks.get(key)?.calls[0]?.operation ?? "";
}

function suggest(
  operation: string,
  names: readonly string[],
  { samples, gainMs }: { readonly samples: number; readonly gainMs: number },
): string {
  const listed = names.slice(0, 5).map(nameInText).join(", then ");
  const rest = names.length > 5 ? ` and ${names.length - 5} more` : "";
  return [
    `${nameInText(operation)} runs ${listed}${rest} one after the other in ${samples} calls.`,
    "Nothing in the traces shows that one needs the result of another; if so, start them together:",
    `if that took as long as the longest of them, a call would save about ${msInText(gainMs)}.`,
  ].join(" ");
}
