import type { Arm, CallSample } from "../model/call.ts";

/** Weighted number, mean and sum of squared deviations of values, as they come (West 1979). */
export type Moments = { count: number; weight: number; squares: number; mean: number; deviations: number };

/** Moments of ln(duration) of one arm; durations of 0 are only counted. */
export type LogDurations = { readonly positive: Moments; readonly zero: Moments };

/** Durations of one operation. `shortestMs`: the shortest that is not 0. */
export type OperationDurations = { shortestMs: number } & Readonly<Record<Arm, LogDurations>>;

/** Durations of no call. */
export function emptyDurations(): OperationDurations {
  const arm = (): LogDurations => ({ positive: emptyMoments(), zero: emptyMoments() });
  return { shortestMs: Infinity, baseline: arm(), canary: arm() };
}

function emptyMoments(): Moments {
  return { count: 0, weight: 0, squares: 0, mean: 0, deviations: 0 };
}

/** The same durations, which grow apart from the first. */
export function copyDurations({ shortestMs, baseline, canary }: OperationDurations): OperationDurations {
  const arm = ({ positive, zero }: LogDurations): LogDurations => ({ positive: { ...positive }, zero: { ...zero } });
  return { shortestMs, baseline: arm(baseline), canary: arm(canary) };
}

/** Adds one call. */
export function addDuration(into: OperationDurations, { arm, durationMs, weight = 1 }: CallSample): void {
  if (durationMs > 0 && durationMs < into.shortestMs) into.shortestMs = durationMs;
  const own = into[arm];
  if (durationMs > 0) addValue(own.positive, Math.log(durationMs), weight);
  else addValue(own.zero, 0, weight);
}

function addValue(into: Moments, value: number, weight: number): void {
  into.count += 1;
  into.weight += weight;
  into.squares += weight * weight;
  const distance = value - into.mean;
  into.mean += (distance * weight) / into.weight;
  into.deviations += weight * distance * (value - into.mean);
}

/**
 * Moments of ln(duration) of an arm. A duration of 0 is below the clock's resolution: it counts as half the shortest
 * other one of the operation.
 */
export function logMoments({ shortestMs, ...arms }: OperationDurations, arm: Arm): Moments {
  const { positive, zero } = arms[arm];
  if (zero.count === 0) return positive;
  return together(positive, { ...zero, mean: Number.isFinite(shortestMs) ? Math.log(shortestMs / 2) : 0 });
}

/** Moments of both groups of values as one (Chan, Golub & LeVeque 1979). */
function together(a: Moments, b: Moments): Moments {
  const weight = a.weight + b.weight;
  const distance = b.mean - a.mean;
  return {
    count: a.count + b.count,
    weight,
    squares: a.squares + b.squares,
    mean: a.mean + (distance * b.weight) / weight,
    deviations: a.deviations + b.deviations + (distance ** 2 * a.weight * b.weight) / weight,
  };
}

/** Kish's effective number of values: their number when all weights are equal. */
export function effectiveCount({ count, weight, squares }: Moments): number {
  return count === 0 ? 0 : weight ** 2 / squares;
}

/** Unbiased variance of the values; those of sampled calls stand for their weight. */
export function varianceOf(moments: Moments): number {
  const calls = effectiveCount(moments);
  return ((moments.deviations / moments.weight) * calls) / (calls - 1);
}
