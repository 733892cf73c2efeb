import type { CallSample } from "../model/call.ts";
import { mean } from "../stats/quantile.ts";
import { effectiveSize, hasOneWeight, totalWeight, type Weighted } from "../stats/weighted.ts";

/** Difference of mean log-latency, canary − baseline, over the operations that both arms served. */
export type LatencyShift = {
  readonly difference: number;
  /** n · SE²: variance of the difference times the number of calls. */
  readonly variance: number;
  /** Calls in the comparison. */
  readonly control: number;
  readonly experiment: number;
  /** Mean log-latency of both arms at the same mix of operations, ln ms. */
  readonly controlMean: number;
  readonly experimentMean: number;
};

/** What fixes the width of a confidence sequence. */
export type SequenceShape = {
  readonly calls: number;
  readonly variance: number;
  /** Error rate over all looks; below 0.5 when one-sided. */
  readonly alpha: number;
  readonly sides: 1 | 2;
  /** N*: number of calls at which it is tightest. */
  readonly tuningCalls: number;
};

/**
 * Half-width of the asymptotic confidence sequence for a mean (Waudby-Smith et al., arXiv 2103.06476): valid at every
 * look, for many calls. Unit of the mean.
 */
export function sequenceHalfWidth({ calls, variance, alpha, sides, tuningCalls }: SequenceShape): number {
  const a = sides === 2 ? alpha : 2 * alpha;
  const rho2 = (-2 * Math.log(a) + Math.log(-2 * Math.log(a) + 1)) / tuningCalls;
  const grown = calls * rho2 + 1;
  const bound = sides === 2 ? Math.log(Math.sqrt(grown) / a) : Math.log1p(Math.sqrt(grown) / a);
  return Math.sqrt(((variance * 2 * grown) / (calls * calls * rho2)) * bound);
}

/**
 * The shift of log-latency, stratified: a difference per operation, weighted by its calls as n_c·n_b/(n_c + n_b), so
 * that arms with another mix of operations do not differ by the mix. Operations with fewer than two calls in an arm
 * are left out. Null when none is left.
 */
export function latencyShift(samples: readonly CallSample[]): LatencyShift | null {
  const strata = [...Map.groupBy(samples, (sample) => sample.operation).values()].flatMap(stratum);
  const total = sum(strata, ({ weight }) => weight);
  if (total === 0) return null;
  const control = sum(strata, (s) => s.control);
  const experiment = sum(strata, (s) => s.experiment);
  const controlMean = sum(strata, (s) => s.weight * s.controlMean) / total;
  const experimentMean = sum(strata, (s) => s.weight * s.experimentMean) / total;
  const difference = sum(strata, (s) => s.weight * (s.experimentMean - s.controlMean)) / total;
  const squaredError = sum(strata, (s) => s.weight ** 2 * s.squaredError) / total ** 2;
  const variance = squaredError * (control + experiment);
  return { difference, variance, control, experiment, controlMean, experimentMean };
}

type Stratum = {
  readonly weight: number;
  readonly control: number;
  readonly experiment: number;
  readonly controlMean: number;
  readonly experimentMean: number;
  readonly squaredError: number;
};

function stratum(samples: readonly CallSample[]): Stratum[] {
  const logs = logarithms(samples);
  const of = (arm: CallSample["arm"]): Weighted[] =>
    logs.flatMap((value, i) => (samples[i]?.arm === arm ? [{ value, weight: samples[i].weight ?? 1 }] : []));
  const [b, c] = [momentsOf(of("baseline")), momentsOf(of("canary"))];
  if (b.calls < 2 || c.calls < 2) return [];
  return [
    {
      weight: (b.calls * c.calls) / (b.calls + c.calls),
      control: b.calls,
      experiment: c.calls,
      controlMean: b.mean,
      experimentMean: c.mean,
      squaredError: b.variance / b.calls + c.variance / c.calls,
    },
  ];
}

/** ln of the durations. A duration of 0 is below the clock's resolution: it counts as half the shortest other one. */
function logarithms(samples: readonly CallSample[]): number[] {
  const shortest = samples.reduce((least, { durationMs: t }) => (t > 0 && t < least ? t : least), Infinity);
  const floor = Number.isFinite(shortest) ? shortest / 2 : 1;
  return samples.map(({ durationMs }) => Math.log(durationMs > 0 ? durationMs : floor));
}

/** Of sampled calls the moments are those of all traffic, and `calls` is Kish's effective number. */
function momentsOf(items: readonly Weighted[]): { calls: number; mean: number; variance: number } {
  const values = items.map(({ value }) => value);
  if (hasOneWeight(items)) return { calls: items.length, mean: mean(values), variance: variance(values) };
  const calls = effectiveSize(items);
  const whole = totalWeight(items);
  const centre = sum(items, ({ value, weight }) => weight * value) / whole;
  const spread = sum(items, ({ value, weight }) => weight * (value - centre) ** 2) / whole;
  return { calls, mean: centre, variance: (spread * calls) / (calls - 1) };
}

function variance(values: readonly number[]): number {
  const centre = mean(values);
  return sum(values, (value) => (value - centre) ** 2) / (values.length - 1);
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += value(item);
  return total;
}
