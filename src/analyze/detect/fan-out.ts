import type { Finding } from "../../model/finding.ts";
import { callNs, callsByOperation, nsToMs, weightedNs, type Call } from "../calls.ts";
import { findingId } from "../finding-id.ts";
import { extent } from "../intervals.ts";
import { msInText, nameInText } from "../names.ts";
import { compareText } from "../parents.ts";
import { confidenceOf, measuredQuantile, median, severityOfTimeLost, shareOf, sum } from "../rating.ts";
import type { TraceTree } from "../tree.ts";
import { worstTraces } from "./exemplars.ts";

/** When calls at the same time are too many. */
export type FanOutOptions = {
  /** Least median of calls of one operation that run at the same time within one call of their parent; default 20. */
  readonly minParallel?: number;
  /** Least share of the parent's time that queueing costs; default 0.1. */
  readonly minShare?: number;
};

type Burst = { readonly call: Call; readonly child: Call; readonly parallel: number; readonly gainNs: number };

/**
 * Fan-out: one call starts very many calls of one operation at the same time, and they queue behind each other. (Many that
 * take as long as one alone are no problem.) `gainMs` is what queueing costs: the
 * time until the last of them ends, less the time of the shortest quarter, as far as the trace waited for it.
 */
export function detectFanOut(traces: readonly TraceTree[], options: FanOutOptions = {}): Finding[] {
  const { minParallel = 20, minShare = 0.1 } = options;
  const findings: Finding[] = [];
  for (const calls of callsByOperation(traces).values()) {
    const wide = calls.filter(({ children }) => children.length >= minParallel);
    const bursts = [...Map.groupBy(wide.flatMap(burstsOf), ({ child }) => child.key).values()]
      .filter(
        (list) =>
          median(
            list.map(({ parallel }) => parallel),
            weightsOf(list),
          ) >= minParallel,
      )
      .filter((list) => shareOf(gainOf(list), sum(list.map(({ call }) => weightedNs(call)))) >= minShare)
      .sort((a, b) => gainOf(b) - gainOf(a) || compareText(a[0]?.child.key ?? "", b[0]?.child.key ?? ""));
    if (bursts[0] !== undefined) findings.push(toFinding(calls, bursts[0]));
  }
  return findings;
}

const gainOf = (bursts: readonly Burst[]): number => sum(bursts.map(({ call, gainNs }) => call.weight * gainNs));
const weightsOf = (bursts: readonly Burst[]): number[] => bursts.map(({ call }) => call.weight);

function burstsOf(call: Call): Burst[] {
  return [...Map.groupBy(call.children, ({ key }) => key).values()].flatMap((children) => {
    const [child] = children;
    if (child === undefined) return [];
    const lengths = children.map(callNs).sort((a, b) => a - b);
    const quick = lengths[Math.floor(lengths.length / 4)] ?? 0;
    const { start, end } = extent(children);
    const waited = sum(children.map(({ pathNs }) => pathNs));
    return [
      { call, child, parallel: mostAtOnce(children), gainNs: Math.max(0, Math.min(waited, end - start) - quick) },
    ];
  });
}

/** Most of the calls that run at one moment. */
function mostAtOnce(calls: readonly Call[]): number {
  const ends = calls.map(({ end }) => end).sort((a, b) => a - b);
  let ended = 0;
  let most = 0;
  for (const [begun, { start }] of calls.toSorted((a, b) => a.start - b.start).entries()) {
    while ((ends[ended] ?? Number.POSITIVE_INFINITY) <= start) ended += 1;
    most = Math.max(most, begun + 1 - ended);
  }
  return most;
}

function toFinding(calls: readonly Call[], bursts: readonly Burst[]): Finding {
  const { call, child } = bursts[0] as Burst;
  const { service, operation } = call;
  const weights = weightsOf(bursts);
  const { value, interval } = measuredQuantile(
    bursts.map(({ parallel }) => parallel),
    0.5,
    weights,
  );
  const gains = bursts.map(({ gainNs }) => gainNs);
  const gainMs = nsToMs(median(gains, weights));
  return {
    id: findingId("fan_out", service, operation),
    kind: "fan_out",
    severity: severityOfTimeLost(shareOf(gainOf(bursts), sum(calls.map(weightedNs)))),
    service,
    operation,
    metric: "parallel_calls",
    value,
    ...(interval && { interval }),
    samples: bursts.length,
    gainMs,
    child: child.operation,
    traceIds: worstTraces(bursts.map((burst) => ({ traceId: burst.call.traceId, badness: burst.parallel }))),
    confidence: confidenceOf({ samples: bursts.length, effect: 1 - 10 / value, ceiling: 0.8 }),
    suggestion: [
      `${nameInText(operation)} runs ${value} calls of ${nameInText(child.operation)} at the same time (median of ${bursts.length} calls).`,
      "Ask for all of them in one call, or let a pool of about ten work them off, so that they do not queue behind each other;",
      `queueing costs a call up to ${msInText(gainMs)}.`,
    ].join(" "),
  };
}
