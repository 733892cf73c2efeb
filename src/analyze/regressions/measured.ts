import type { Interval } from "../../model/finding.ts";
import type { RegressionMetric } from "../../model/regression.ts";
import { clusteredMeanInterval, clusteredShareInterval, differenceInterval } from "../../stats/clustered.ts";
import type { PermutationTest } from "../../stats/permutation.ts";
import { contrast, mapSides, type Sides } from "./contrast.ts";
import type { OperationCalls } from "./latency.ts";
import type { TraceUnit } from "./profile.ts";

/** One metric of one operation in both sets, not judged yet. */
export type Measured = {
  readonly metric: RegressionMetric;
  readonly before: number;
  readonly after: number;
  readonly change: number;
  /** Null where there are too few traces for one. */
  readonly interval: Interval | null;
  /** Against "not worse". */
  readonly test: PermutationTest;
};

/** An interval with two ends, or null. */
export function finite(interval: Interval): Interval | null {
  return Number.isFinite(interval.low) && Number.isFinite(interval.high) ? interval : null;
}

/** The share of calls with the status `error`; its change is the difference. */
export function errorRate(calls: Sides<OperationCalls>, level: number): Measured | null {
  const tallies = mapSides(calls, (of) =>
    [...of].map(([unit, { durationsMs, errors }]) => ({ unit, trials: durationsMs.length, sum: errors })),
  );
  return difference("error_rate", contrast(tallies, 1), (side) => clusteredShareInterval(side, level));
}

/** Calls per trace, among the kinds of traces that make the call at all; its change is the difference. */
export function callsPerTrace(
  calls: Sides<OperationCalls>,
  units: Sides<readonly TraceUnit[]>,
  level: number,
): Measured | null {
  const kinds = new Set([...calls.before.keys(), ...calls.after.keys()].map(({ stratum }) => stratum));
  const tallies = (side: keyof Sides<unknown>) =>
    units[side]
      .filter(({ stratum }) => kinds.has(stratum))
      .map((unit) => ({ unit, trials: 1, sum: calls[side].get(unit)?.durationsMs.length ?? 0 }));
  const found = contrast({ before: tallies("before"), after: tallies("after") }, 1);
  return difference("calls_per_trace", found, (side) => clusteredMeanInterval(side, level));
}

type Contrast = NonNullable<ReturnType<typeof contrast>>;

/** A metric whose change is the difference of its ratios; null where the sets cannot be compared. */
function difference(
  metric: RegressionMetric,
  found: Contrast | null,
  intervalOf: (side: Contrast["before"]) => Interval,
): Measured | null {
  if (found === null) return null;
  const [before, after] = [found.before.ratio, found.after.ratio];
  const interval = differenceInterval(
    { value: before, interval: intervalOf(found.before) },
    { value: after, interval: intervalOf(found.after) },
  );
  return { metric, before, after, change: after - before, interval: finite(interval), test: found.greater };
}
