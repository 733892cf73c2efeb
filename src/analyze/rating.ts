import type { Interval, Severity } from "../model/finding.ts";
import { quantileInterval, sortedAscending } from "../stats/quantile.ts";
import { hasOneWeight, weightedQuantile, type Weighted } from "../stats/weighted.ts";

/** Confidence level of the intervals in findings. */
export const FINDING_LEVEL = 0.95;

/** Least value for each severity, worst first; below the last one a finding is `info`. */
const STEPS_TIME_LOST: readonly (readonly [Severity, number])[] = [
  ["critical", 0.6],
  ["major", 0.3],
  ["minor", 0.1],
];
const STEPS_ERROR_RATE: readonly (readonly [Severity, number])[] = [
  ["critical", 0.25],
  ["major", 0.05],
  ["minor", 0.01],
];

/**
 * Severity of a loss of time: share of the operation's whole time, over all its calls, that mending would save.
 * 60 % and more is critical, 30 % major, 10 % minor, less is info.
 */
export function severityOfTimeLost(share: number): Severity {
  return step(STEPS_TIME_LOST, share);
}

/**
 * Severity of errors, from the **lower** end of the error rate's interval, so that few calls never look grave:
 * 25 % and more is critical, 5 % major, 1 % minor, less is info.
 */
export function severityOfErrorRate(lowerBound: number): Severity {
  return step(STEPS_ERROR_RATE, lowerBound);
}

function step(steps: readonly (readonly [Severity, number])[], value: number): Severity {
  return steps.find(([, least]) => value >= least)?.[0] ?? "info";
}

/** What confidence is computed from; never from any text. */
export type ConfidenceInput = {
  /** Calls that show the problem. */
  readonly samples: number;
  /** Size of the effect, 0 to 1. */
  readonly effect: number;
  /** What the detector's signature is worth with endless samples and the largest effect, 0 to 1. */
  readonly ceiling: number;
};

/**
 * How sure a detector is, 0 to 1: ceiling · n/(n + 5) · (½ + ½ effect). The shape is a convention, not a probability:
 * half of the ceiling's trust at 5 calls, nine tenths at 45.
 */
export function confidenceOf({ samples, effect, ceiling }: ConfidenceInput): number {
  const bounded = Math.min(1, Math.max(0, effect));
  return Number((ceiling * (samples / (samples + 5)) * (0.5 + 0.5 * bounded)).toFixed(3));
}

/**
 * A quantile with its distribution-free interval, which is absent when there are too few values for {@link FINDING_LEVEL}.
 * `weights`, one per value: how many each stands for. Where they differ there is no interval: its ranks hold for values
 * that count alike.
 */
export function measuredQuantile(
  values: readonly number[],
  p: number,
  weights?: readonly number[],
): { value: number; interval?: Interval } {
  const items = weighted(values, weights);
  const interval = hasOneWeight(items) ? quantileInterval(sortedAscending(values), p, FINDING_LEVEL) : null;
  return { value: weightedQuantile(items, p), ...(interval && { interval }) };
}

/** Median of values in any order; `weights` as in {@link measuredQuantile}. */
export function median(values: readonly number[], weights?: readonly number[]): number {
  return weightedQuantile(weighted(values, weights), 0.5);
}

const weighted = (values: readonly number[], weights: readonly number[] | undefined): readonly Weighted[] =>
  values.map((value, at) => ({ value, weight: weights?.[at] ?? 1 }));

/** The sum of values; 0 for none. */
export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** `part / whole`, 0 where there is no whole. */
export function shareOf(part: number, whole: number): number {
  return whole > 0 ? part / whole : 0;
}
