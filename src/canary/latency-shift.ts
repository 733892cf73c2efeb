import { effectiveCount, logMoments, varianceOf, type OperationDurations } from "./moments.ts";

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
export function latencyShift(operations: Iterable<OperationDurations>): LatencyShift | null {
  const strata = [...operations].flatMap(stratum);
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

function stratum(durations: OperationDurations): Stratum[] {
  const [b, c] = [logMoments(durations, "baseline"), logMoments(durations, "canary")];
  if (b.count < 2 || c.count < 2) return [];
  const [control, experiment] = [effectiveCount(b), effectiveCount(c)];
  return [
    {
      weight: (control * experiment) / (control + experiment),
      control,
      experiment,
      controlMean: b.mean,
      experimentMean: c.mean,
      squaredError: varianceOf(b) / control + varianceOf(c) / experiment,
    },
  ];
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += value(item);
  return total;
}
