import type { Interval } from "../model/finding.ts";
import { requireDomain } from "./domain.ts";
import { quantile, sortedAscending } from "./quantile.ts";
import { randomInteger, type Random } from "./random.ts";

/** Two independent samples of positive values in the same unit, and what to compare. */
export type QuantileRatioRequest = {
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Which quantile, 0 to 1. */
  readonly p: number;
  /** Confidence level, for example 0.95. */
  readonly level: number;
  /** Number of resamples, at least 100; default 2000. */
  readonly resamples?: number;
  readonly random: Random;
};

/** The ratio of quantiles and its interval; 1 = no change. */
export type QuantileRatio = { readonly ratio: number; readonly interval: Interval };

/**
 * Ratio `after / before` of the p-quantiles with a percentile bootstrap interval (Efron & Tibshirani 1993, ch. 13).
 * The same generator state gives the same interval. Unreliable for extreme quantiles of few values: at least about
 * 5 values should lie beyond the quantile.
 * @throws WhetstoneError `defect` for an empty sample, a value that is not positive and finite, or fewer than 100 resamples.
 */
export function quantileRatioInterval(request: QuantileRatioRequest): QuantileRatio {
  const { p, level, random, resamples = 2000 } = request;
  requireDomain(
    resamples >= 100 && level > 0 && level < 1,
    `No bootstrap of ${resamples} resamples at level ${level}.`,
  );
  const before = sortedPositive(request.before);
  const after = sortedPositive(request.after);
  const ratios = new Float64Array(resamples);
  const drawBefore = resampledQuantile(before, p);
  const drawAfter = resampledQuantile(after, p);
  for (let i = 0; i < resamples; i++) ratios[i] = drawAfter(random) / drawBefore(random);
  const sorted = [...ratios.sort()];
  const interval = { low: quantile(sorted, (1 - level) / 2), high: quantile(sorted, (1 + level) / 2), level };
  return { ratio: quantile(after, p) / quantile(before, p), interval };
}

function sortedPositive(values: readonly number[]): number[] {
  requireDomain(values.length > 0, "A bootstrap needs at least one value per sample.");
  requireDomain(
    values.every((value) => value > 0 && Number.isFinite(value)),
    "A ratio of quantiles needs positive finite values.",
  );
  return sortedAscending(values);
}

/** Draws with replacement by rank: counting how often each rank is drawn replaces sorting the resample. */
function resampledQuantile(sorted: readonly number[], p: number): (random: Random) => number {
  const n = sorted.length;
  const counts = new Uint32Array(n);
  const position = (n - 1) * p;
  const below = Math.floor(position);
  return (random) => {
    counts.fill(0);
    for (let i = 0; i < n; i++) {
      const rank = randomInteger(random, n);
      counts[rank] = (counts[rank] ?? 0) + 1;
    }
    const low = drawnRank(counts, below);
    const high = below + 1 < n ? drawnRank(counts, below + 1) : low;
    const value = sorted[low] ?? Number.NaN;
    return value + ((sorted[high] ?? Number.NaN) - value) * (position - below);
  };
}

/** The rank of the order statistic `index` (0-based) of the resample that the counts describe. */
function drawnRank(counts: Uint32Array, index: number): number {
  let seen = 0;
  let rank = 0;
  // By index: an iterator over entries makes this loop, the heart of the bootstrap, ten times slower.
  while (seen <= index && rank < counts.length) seen += counts[rank++] ?? 0;
  return rank - 1;
}
