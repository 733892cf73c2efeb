import type { Interval } from "../model/finding.ts";
import { betaQuantile } from "./beta.ts";
import { requireDomain } from "./domain.ts";
import { scoreInterval } from "./proportion.ts";

/** What one trace adds to a ratio: trials and a sum over them, and how many traces it stands for. */
export type Cluster = { readonly weight: number; readonly trials: number; readonly sum: number };

/** A ratio Σ w·sum / Σ w·trials over independent clusters. */
export type ClusteredRatio = {
  readonly ratio: number;
  /** Variance by linearisation (Cochran 1977, section 6.4): clusters are independent, what is inside of one is not. */
  readonly variance: number;
  /** Trials, not weighted. */
  readonly trials: number;
  readonly clusters: number;
  /** Clusters of equal weight that would tell as much: (Σw)² / Σw² (Kish 1965). */
  readonly effectiveClusters: number;
};

/**
 * The ratio of sums over clusters with its variance.
 * @throws WhetstoneError `defect` without a trial
 */
export function clusteredRatio(clusters: readonly Cluster[]): ClusteredRatio {
  let [weighted, total, trials, weights, squares] = [0, 0, 0, 0, 0];
  for (const { weight, trials: own, sum } of clusters) {
    weighted += weight * own;
    total += weight * sum;
    trials += own;
    weights += weight;
    squares += weight * weight;
  }
  requireDomain(weighted > 0, "A ratio over clusters needs a trial.");
  const ratio = total / weighted;
  let residuals = 0;
  for (const { weight, trials: own, sum } of clusters) residuals += (weight * (sum - ratio * own)) ** 2;
  const count = clusters.length;
  const variance = count > 1 ? ((count / (count - 1)) * residuals) / weighted ** 2 : Number.POSITIVE_INFINITY;
  return { ratio, variance, trials, clusters: count, effectiveClusters: weights ** 2 / squares };
}

/**
 * How many independent trials tell as much about a share as the clusters do: share·(1 − share) / variance, at most the
 * trials (Rao & Scott 1992). Where nothing varies, or there is one cluster, they cannot show how much their trials
 * resemble each other, so each counts as one.
 */
export function effectiveTrials({ ratio, variance, trials, effectiveClusters }: ClusteredRatio): number {
  const spread = ratio * (1 - ratio);
  if (spread <= 0 || variance <= 0 || variance === Infinity) return effectiveClusters;
  return Math.min(trials, spread / variance);
}

/** Wilson's interval for a share over clusters, at their effective number of trials. */
export function clusteredShareInterval(share: ClusteredRatio, level: number): Interval {
  return scoreInterval({ share: share.ratio, trials: effectiveTrials(share) }, level);
}

/** Student's interval for a ratio over clusters, with a degree of freedom less than there are clusters. */
export function clusteredMeanInterval(mean: ClusteredRatio, level: number): Interval {
  const half = mean.clusters > 1 ? studentQuantile(mean.clusters - 1, level) * Math.sqrt(mean.variance) : Infinity;
  return { low: mean.ratio - half, high: mean.ratio + half, level };
}

/** The t within whose ± Student's distribution has the mass `level`: t² / (t² + df) is Beta(½, df/2). */
export function studentQuantile(degrees: number, level: number): number {
  requireDomain(degrees > 0 && level > 0 && level < 1, `No t quantile for ${degrees} degrees at level ${level}.`);
  // By the complement, so that large values keep their precision.
  const rest = betaQuantile({ a: degrees / 2, b: 0.5 }, 1 - level);
  return Math.sqrt((degrees * (1 - rest)) / rest);
}

/**
 * Interval of the difference `after − before` of two independent estimates from the interval of each (MOVER; Zou & Donner
 * 2008). With Wilson's intervals it is Newcombe's, with logarithms of ratios it is an interval of their ratio.
 */
export function differenceInterval(before: Estimate, after: Estimate): Interval {
  const difference = after.value - before.value;
  const down = Math.hypot(after.value - after.interval.low, before.interval.high - before.value);
  const up = Math.hypot(after.interval.high - after.value, before.value - before.interval.low);
  return {
    low: difference - down,
    high: difference + up,
    level: Math.min(before.interval.level, after.interval.level),
  };
}

/** A number with its interval. */
export type Estimate = { readonly value: number; readonly interval: Interval };
