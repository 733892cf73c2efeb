import { betaQuantile } from "../../stats/beta.ts";
import {
  clusteredMeanInterval,
  clusteredRatio,
  differenceInterval,
  effectiveTrials,
  type Estimate,
} from "../../stats/clustered.ts";
import { contrast, mapSides, mixFactors, type Sides, type Tally } from "./contrast.ts";
import { finite, type Measured } from "./measured.ts";
import type { CallsInTrace, TraceUnit } from "./profile.ts";

/** The calls of one operation, by trace. */
export type OperationCalls = ReadonlyMap<TraceUnit, CallsInTrace>;

/** Shortest time that a ratio is taken of, ms: shorter ones count as this, so that 0 divides nothing. */
const CLOCK_RESOLUTION_MS = 0.001;

const { log, max } = Math;

/** Geometric mean: the mean of ln ms, which sees a shift of all calls with fewer of them than a quantile does. */
export function geometricMean(calls: Sides<OperationCalls>, level: number): Measured | null {
  const tallies = mapSides(calls, (of) => tally(of, (ms) => log(max(ms, CLOCK_RESOLUTION_MS))));
  const found = contrast(tallies, 0);
  if (found === null) return null;
  const before = { value: found.before.ratio, interval: clusteredMeanInterval(found.before, level) };
  const after = { value: found.after.ratio, interval: clusteredMeanInterval(found.after, level) };
  return {
    metric: "geomean_ms",
    before: Math.exp(before.value),
    after: Math.exp(after.value),
    ...relative(before, after),
    test: found.greater,
  };
}

/**
 * A quantile. Tested by the share of calls above the quantile of both sets together, so that few slow calls weigh as many
 * and not by their length; the interval of each set's quantile is distribution-free at the effective number of calls
 * (Korn & Graubard 1998), that of the change by MOVER on logarithms.
 */
export function quantileChange(calls: Sides<OperationCalls>, p: 0.5 | 0.95, level: number): Measured | null {
  const factors = mixFactors(mapSides(calls, (of) => [...of.keys()]));
  const sides = {
    before: weightedCalls(calls.before, "before", factors),
    after: weightedCalls(calls.after, "after", factors),
  };
  const middle = quantileOf(ordered([...sides.before, ...sides.after]), p);
  const found = contrast(
    mapSides(calls, (of) => tally(of, (ms) => Number(ms > middle))),
    1,
  );
  if (found === null) return null;
  const estimates = mapSides(sides, (side) => estimate(side, p, level));
  const logs = mapSides(estimates, ({ value, interval }) => ({
    value: positiveLog(value),
    interval: { ...interval, low: positiveLog(interval.low), high: positiveLog(interval.high) },
  }));
  return {
    metric: p === 0.5 ? "p50_ms" : "p95_ms",
    before: estimates.before.value,
    after: estimates.after.value,
    ...relative(logs.before, logs.after),
    test: found.greater,
  };
}

const positiveLog = (ms: number): number => log(max(ms, CLOCK_RESOLUTION_MS));

/** Relative change with its interval, from logarithms. */
function relative(before: Estimate, after: Estimate): Pick<Measured, "change" | "interval"> {
  const { low, high, level } = differenceInterval(before, after);
  return {
    change: Math.expm1(after.value - before.value),
    interval: finite({ low: Math.expm1(low), high: Math.expm1(high), level }),
  };
}

function tally(calls: OperationCalls, value: (ms: number) => number): Tally[] {
  return [...calls].map(([unit, { durationsMs }]) => {
    let sum = 0;
    for (const ms of durationsMs) sum += value(ms);
    return { unit, trials: durationsMs.length, sum };
  });
}

type WeightedCall = { readonly ms: number; readonly weight: number; readonly unit: TraceUnit };

/** The calls in kinds of traces that both sets have, weighted to the common mix. */
function weightedCalls(
  calls: OperationCalls,
  side: keyof Sides<unknown>,
  factors: ReadonlyMap<string, Sides<number>>,
): WeightedCall[] {
  return [...calls].flatMap(([unit, { durationsMs }]) => {
    const factor = factors.get(unit.stratum)?.[side];
    return factor === undefined ? [] : durationsMs.map((ms) => ({ ms, weight: unit.weight * factor, unit }));
  });
}

const ordered = (calls: readonly WeightedCall[]): WeightedCall[] => calls.toSorted((a, b) => a.ms - b.ms);

/** Type 7 of Hyndman & Fan 1996, extended to weights: with equal weights it is the quantile of `stats/quantile`. */
function quantileOf(sorted: readonly WeightedCall[], p: number): number {
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) return Number.NaN;
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0);
  const target = p * (total - (first.weight + last.weight) / 2);
  let [position, before] = [0, first];
  for (const call of sorted.slice(1)) {
    const next = position + (before.weight + call.weight) / 2;
    if (next >= target) return before.ms + ((call.ms - before.ms) * (target - position)) / (next - position);
    [position, before] = [next, call];
  }
  return last.ms;
}

function estimate(side: readonly WeightedCall[], p: number, level: number): Estimate {
  const sorted = ordered(side);
  const value = quantileOf(sorted, p);
  const trials = effectiveCalls(side, value);
  const rest = (1 - level) / 2;
  // How likely all calls lie on one side of the quantile (Hahn & Meeker 1991, section 5.2).
  const [noneBelow, noneAbove] = [(1 - p) ** trials, p ** trials];
  const low = noneBelow > rest ? 0 : betaQuantile({ a: p * trials, b: (1 - p) * trials + 1 }, rest);
  const high = noneAbove > rest ? 1 : betaQuantile({ a: p * trials + 1, b: (1 - p) * trials }, 1 - rest);
  const interval = {
    low: callAt(sorted, low),
    high: callAt(sorted, high),
    level: Math.max(Number.MIN_VALUE, 1 - Math.max(rest, noneBelow) - Math.max(rest, noneAbove)),
  };
  return { value, interval };
}

function effectiveCalls(side: readonly WeightedCall[], quantile: number): number {
  const byTrace = new Map<TraceUnit, { weight: number; trials: number; sum: number }>();
  for (const { unit, weight, ms } of side) {
    const own = byTrace.get(unit) ?? { weight, trials: 0, sum: 0 };
    own.trials += 1;
    own.sum += Number(ms > quantile);
    byTrace.set(unit, own);
  }
  return effectiveTrials(clusteredRatio([...byTrace.values()]));
}

/** The first call at which the share of calls reaches `share`. */
function callAt(sorted: readonly WeightedCall[], share: number): number {
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0);
  let reached = 0;
  // Sums of weights are rounded: a hair below the share is the share.
  const found = sorted.find(({ weight }) => (reached += weight) >= share * total * (1 - 1e-12));
  return (found ?? sorted.at(-1))?.ms ?? Number.NaN;
}
