import type { Interval } from "../model/finding.ts";
import { requireDomain } from "./domain.ts";
import { normalCdf, normalQuantile } from "./normal.ts";
import { sortedAscending } from "./quantile.ts";

/** Values at times, in the order of the times. */
export type TimedValue = { readonly at: number; readonly value: number };

/** A straight line by ranks: robust to up to 29 % of outliers. */
export type RankTrend = {
  /** Median of the slopes of all pairs (Theil 1950, Sen 1968), per unit of `at`. */
  readonly slope: number;
  /** Median of value − slope · at. */
  readonly intercept: number;
  readonly interval: Interval;
  /** Mann–Kendall, two-sided. */
  readonly p: number;
};

/** Above this many values their pairs take longer than anybody waits. */
export const MOST_TREND_VALUES = 1_000;

/**
 * Theil–Sen slope with Sen's interval and Mann–Kendall's test. `inflation` is by what autocorrelation multiplies the
 * variance of a mean, at least 1: the variance of the test statistic is multiplied by it (Hamed & Rao 1998 derive the same
 * form), as values that resemble their neighbours are worth fewer independent ones.
 * @throws WhetstoneError `defect` for fewer than 3 or more than {@link MOST_TREND_VALUES} values
 */
export function rankTrend(values: readonly TimedValue[], inflation: number, level: number): RankTrend {
  const n = values.length;
  requireDomain(n >= 3 && n <= MOST_TREND_VALUES && inflation >= 1, `No trend of ${n} values, inflation ${inflation}.`);
  const { slopes, score } = pairs(values);
  const middle = middleOf(slopes);
  const spread = Math.sqrt(scoreVariance(values) * inflation);
  const z = spread === 0 ? 0 : (score - Math.sign(score)) / spread;
  const reach = normalQuantile((1 + level) / 2) * spread;
  const at = (rank: number): number => slopes[Math.min(slopes.length - 1, Math.max(0, rank))] ?? Number.NaN;
  return {
    slope: middle,
    intercept: middleOf(sortedAscending(values.map(({ at: time, value }) => value - middle * time))),
    interval: {
      low: at(Math.floor((slopes.length - reach) / 2)),
      high: at(Math.ceil((slopes.length + reach) / 2) - 1),
      level,
    },
    p: Math.min(1, 2 * normalCdf(-Math.abs(z))),
  };
}

/** The slopes of all pairs in ascending order, and how many rise less how many fall. */
function pairs(values: readonly TimedValue[]): { readonly slopes: Float64Array; readonly score: number } {
  const n = values.length;
  const slopes = new Float64Array((n * (n - 1)) / 2);
  let [score, next] = [0, 0];
  for (let i = 0; i < n; i += 1) {
    const first = values[i];
    for (let j = i + 1; j < n; j += 1) {
      const second = values[j];
      if (first === undefined || second === undefined) continue;
      const rise = second.value - first.value;
      score += Math.sign(rise);
      slopes[next++] = rise / (second.at - first.at);
    }
  }
  return { slopes: slopes.sort(), score };
}

/** Variance of the score with ties (Kendall 1975). */
function scoreVariance(values: readonly TimedValue[]): number {
  const n = values.length;
  const counts = new Map<number, number>();
  for (const { value } of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  let sum = n * (n - 1) * (2 * n + 5);
  for (const ties of counts.values()) sum -= ties * (ties - 1) * (2 * ties + 5);
  return sum / 18;
}

function middleOf(sorted: ArrayLike<number>): number {
  const half = Math.floor((sorted.length - 1) / 2);
  const [low, high] = [sorted[half] ?? Number.NaN, sorted[sorted.length - 1 - half] ?? Number.NaN];
  return (low + high) / 2;
}
