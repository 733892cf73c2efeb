import type { Finding, FindingKind } from "../../model/finding.ts";
import { callsByOperation, nsToMs, weightedNs, type Call } from "../calls.ts";
import { findingId } from "../finding-id.ts";
import { compareText } from "../parents.ts";
import { confidenceOf, measuredQuantile, median, severityOfTimeLost, shareOf, sum } from "../rating.ts";
import type { TraceTree } from "../tree.ts";
import { worstTraces } from "./exemplars.ts";

/** Attempts of one operation, `child`, within one call, and the time from the end of the first to that of the last. */
export type Attempts = {
  readonly call: Call;
  readonly child: Call;
  readonly attempts: number;
  readonly lostNs: number;
};

/** How a detector reads attempts: which belong to a call, how many are too many, and what to say of them. */
export type AttemptsRule<T extends Attempts> = {
  readonly kind: FindingKind;
  /** Least median over the calls, each counted by its sample weight. */
  readonly minAttempts: number;
  readonly attemptsOf: (call: Call) => readonly T[];
  readonly suggest: (found: readonly T[], numbers: { readonly value: number; readonly gainMs: number }) => string;
};

/** One finding for each operation whose calls try another one too often: of several, the one that costs the most time. */
export function detectAttempts<T extends Attempts>(traces: readonly TraceTree[], rule: AttemptsRule<T>): Finding[] {
  return [...callsByOperation(traces).values()].flatMap((calls) => {
    const [worst] = [...Map.groupBy(calls.flatMap(rule.attemptsOf), ({ child }) => child.key).values()]
      .filter(
        (found) =>
          median(
            found.map(({ attempts }) => attempts),
            weightsOf(found),
          ) >= rule.minAttempts,
      )
      .sort((a, b) => lostNs(b) - lostNs(a) || compareText(a[0]?.child.key ?? "", b[0]?.child.key ?? ""));
    return worst === undefined ? [] : findingOf(calls, worst, rule);
  });
}

/** Sample weights of the calls, in order. */
export const weightsOf = (found: readonly Attempts[]): number[] => found.map(({ call }) => call.weight);
const lostNs = (found: readonly Attempts[]): number => sum(found.map(({ call, lostNs: ns }) => call.weight * ns));

function findingOf<T extends Attempts>(calls: readonly Call[], found: readonly T[], rule: AttemptsRule<T>): Finding[] {
  const [first] = found;
  if (first === undefined) return [];
  const { service, operation } = first.call;
  const weights = weightsOf(found);
  const counts = found.map(({ attempts }) => attempts);
  const { value, interval } = measuredQuantile(counts, 0.5, weights);
  const lost = found.map(({ lostNs: ns }) => ns);
  const gainMs = nsToMs(median(lost, weights));
  return [
    {
      id: findingId(rule.kind, service, operation),
      kind: rule.kind,
      severity: severityOfTimeLost(shareOf(lostNs(found), sum(calls.map(weightedNs)))),
      service,
      operation,
      metric: "attempts",
      value,
      baseline: 1,
      ...(interval && { interval }),
      samples: found.length,
      gainMs,
      child: first.child.operation,
      traceIds: worstTraces(found.map(({ call, attempts }) => ({ traceId: call.traceId, badness: attempts }))),
      confidence: confidenceOf({ samples: found.length, effect: 1 - 1 / value, ceiling: 0.95 }),
      suggestion: rule.suggest(found, { value, gainMs }),
    },
  ];
}
