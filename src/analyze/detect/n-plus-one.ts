import type { Finding } from "../../model/finding.ts";
import { callsByOperation, nsToMs, weightedNs, type Call } from "../calls.ts";
import { unionLength } from "../intervals.ts";
import { msInText, nameInText } from "../names.ts";
import { confidenceOf, measuredQuantile, median, severityOfTimeLost, shareOf, sum } from "../rating.ts";
import type { TraceTree } from "../tree.ts";
import { findingId } from "../finding-id.ts";
import { worstTraces } from "./exemplars.ts";

/** When repetition counts as N+1. */
export type NPlusOneOptions = {
  /** Least median of repeats per call; default 8. */
  readonly minRepeats?: number;
  /** Most repeats that run at the same time, on average; default 1.5. */
  readonly maxConcurrency?: number;
};

/** The repeats of one child operation within one call of its parent. */
type Repeats = {
  readonly call: Call;
  readonly count: number;
  /** Time in which at least one repeat ran, ns. */
  readonly busyNs: number;
  /** Repeats at the same time, on average over `busyNs`. */
  readonly concurrency: number;
  readonly failedShare: number;
  /** Saved of the trace if all repeats took as long as the longest of them, ns. */
  readonly gainNs: number;
};

/** One repeated child operation over all calls of its parent that make it. */
export type RepeatedChild = { readonly child: Call; readonly repeats: readonly Repeats[]; readonly gainNs: number };

/**
 * N+1: within one call of an operation, one child operation runs at least `minRepeats` times (median over the calls
 * that make it), mostly one after the other. Repeats of which most fail are a matter of retries, not of N+1.
 * `gainMs` assumes that one batch takes as long as the longest single repeat, and counts only repeats that are on the
 * critical path: what nobody waits for delays nobody.
 */
export function detectNPlusOne(traces: readonly TraceTree[], options: NPlusOneOptions = {}): Finding[] {
  const findings: Finding[] = [];
  for (const calls of callsByOperation(traces).values()) {
    const [worst, ...others] = repeatedChildren(calls, options);
    if (worst !== undefined) findings.push(toFinding(calls, worst, others));
  }
  return findings;
}

/** The child operations that the calls of one operation repeat, the one that costs most first. */
export function repeatedChildren(calls: readonly Call[], options: NPlusOneOptions = {}): readonly RepeatedChild[] {
  const { minRepeats = 8, maxConcurrency = 1.5 } = options;
  if (calls.every(({ children }) => children.length < minRepeats)) return [];
  const byChild = new Map<string, { child: Call; repeats: Repeats[] }>();
  for (const call of calls) {
    for (const [key, children] of Map.groupBy(call.children, (child) => child.key)) {
      const [child] = children;
      if (child === undefined) continue;
      const entry = byChild.get(key) ?? { child, repeats: [] };
      entry.repeats.push(measure(call, children));
      byChild.set(key, entry);
    }
  }
  return [...byChild.values()]
    .filter(({ repeats }) => median(repeats.map(({ count }) => count)) >= minRepeats)
    .filter(({ repeats }) => median(repeats.map(({ concurrency }) => concurrency)) <= maxConcurrency)
    .filter(({ repeats }) => median(repeats.map(({ failedShare }) => failedShare)) <= 0.5)
    .map(({ child, repeats }) => ({
      child,
      repeats,
      gainNs: sum(repeats.map(({ call, gainNs }) => call.weight * gainNs)),
    }))
    .sort((a, b) => b.gainNs - a.gainNs || (a.child.key < b.child.key ? -1 : 1));
}

function measure(call: Call, children: readonly Call[]): Repeats {
  const lengths = children.map(({ start, end }) => end - start);
  const busyNs = unionLength(children);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const waited = sum(children.map(({ pathNs }) => pathNs));
  return {
    call,
    count: children.length,
    busyNs,
    concurrency: busyNs === 0 ? 1 : sum(lengths) / busyNs,
    failedShare: children.filter(({ failed }) => failed).length / children.length,
    gainNs: Math.max(0, Math.min(busyNs, waited) - longest),
  };
}

function toFinding(calls: readonly Call[], worst: RepeatedChild, others: readonly RepeatedChild[]): Finding {
  const { child, repeats } = worst;
  const { service, operation } = repeats[0]?.call ?? child;
  const weights = repeats.map(({ call }) => call.weight);
  const { value, interval } = measuredQuantile(
    repeats.map(({ count }) => count),
    0.5,
    weights,
  );
  const gains = repeats.map(({ gainNs }) => gainNs);
  const gainMs = nsToMs(median(gains, weights));
  const lost = shareOf(worst.gainNs, sum(calls.map(weightedNs)));
  return {
    id: findingId("n_plus_one", service, operation),
    kind: "n_plus_one",
    severity: severityOfTimeLost(lost),
    service,
    operation,
    metric: "child_calls",
    value,
    baseline: 1,
    ...(interval && { interval }),
    samples: repeats.length,
    gainMs,
    child: child.operation,
    traceIds: worstTraces(repeats.map(({ call, count }) => ({ traceId: call.traceId, badness: count }))),
    confidence: confidenceOf({ samples: repeats.length, effect: 1 - 1 / value, ceiling: 0.95 }),
    suggestion: suggest(worst, others, { value, gainMs }),
  };
}

function suggest(
  { child, repeats }: RepeatedChild,
  others: readonly RepeatedChild[],
  { value, gainMs }: { readonly value: number; readonly gainMs: number },
): string {
  const parent = nameInText(repeats[0]?.call.operation ?? "");
  const also = others.slice(0, 3).map((other) => nameInText(other.child.operation));
  const rest = others.length > 3 ? ` and ${others.length - 3} more` : "";
  return [
    `${parent} runs ${nameInText(child.operation)} ${value} times per call (median of ${repeats.length} calls), one after the other.`,
    "Fetch them in one batch, keep what does not change between calls, or run them at the same time;",
    `if one batch took as long as the longest of them, a call would save about ${msInText(gainMs)}.`,
    ...(also.length > 0 ? [`The same holds for ${also.join(", ")}${rest}.`] : []),
  ].join(" ");
}
