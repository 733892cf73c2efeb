import { sortedAscending } from "../../stats/quantile.ts";
import { median } from "../rating.ts";

/** How values scatter around a level that may jump or drift. */
export type Noise = {
  /** Variance of one value. */
  readonly variance: number;
  /** Correlation of neighbours, 0 to {@link MOST_CORRELATION}: a first-order autoregression. */
  readonly correlation: number;
  /** What the variance of a mean is multiplied by: (1 + φ) / (1 − φ). */
  readonly inflation: number;
};

/** Closer to 1 nothing can be told from a random walk. */
const MOST_CORRELATION = 0.9;

/** Share of the differences that may be jumps; they are left out. */
const JUMPS = 0.1;

/** Variance of what is left of a standard normal distribution without that share of its greatest sizes. */
const TRIMMED_VARIANCE = 0.623;

/** Median of |normal| with standard deviation 1. */
const NORMAL_MEDIAN = 0.6744897501960817;

/**
 * Noise from differences, which a few jumps and a slow drift leave alone: Var(x_t − x_{t−1}) = 2σ²(1 − φ) and
 * Var(x_t − x_{t−2}) = 2σ²(1 − φ²), so their ratio is 1 + φ. The variances are trimmed: outliers do not count, and the
 * ratio scatters half as much as that of medians, which would take white noise for a random walk now and then.
 */
export function noiseOf(values: readonly number[]): Noise {
  const [near, far] = [differenceVariance(values, 1), differenceVariance(values, 2)];
  if (near === 0) return { variance: 0, correlation: 0, inflation: 1 };
  // The ratio scatters with the number of values; half of its standard error to the safe side costs little power.
  const margin = 1 / Math.sqrt(values.length);
  const correlation = Math.min(MOST_CORRELATION, Math.max(0, far / near - 1 + margin));
  const variance = near / (2 * (1 - correlation));
  return { variance, correlation, inflation: (1 + correlation) / (1 - correlation) };
}

function differenceVariance(values: readonly number[], lag: number): number {
  const differences = values.slice(lag).map((value, i) => value - (values[i] ?? value));
  const drift = median(differences);
  const sizes = sortedAscending(differences.map((difference) => Math.abs(difference - drift)));
  const usual = sizes.slice(0, Math.ceil(sizes.length * (1 - JUMPS)));
  return usual.reduce((sum, size) => sum + size ** 2, 0) / usual.length / TRIMMED_VARIANCE;
}

/** Half of the window of {@link withoutOutliers}, and how many standard deviations make an outlier. */
const HALF_WINDOW = 3;
const OUTLIER = 3;

/** Hampel's filter: a value far from the median of its neighbourhood becomes that median; jumps stay as they are. */
export function withoutOutliers(values: readonly number[]): readonly number[] {
  return values.map((value, i) => {
    const around = values.slice(Math.max(0, i - HALF_WINDOW), i + HALF_WINDOW + 1);
    const middle = median(around);
    const spread = median(around.map((other) => Math.abs(other - middle))) / NORMAL_MEDIAN;
    return Math.abs(value - middle) > OUTLIER * spread && spread > 0 ? middle : value;
  });
}

/** Runs of equal values with fewer than `shortest` become the run before them (the first ones: the run after them). */
export function withoutShortRuns(values: readonly number[], shortest: number): readonly number[] {
  const starts = values.flatMap((value, i) => (value === values[i - 1] ? [] : [i]));
  const long = starts.filter((start, i) => (starts[i + 1] ?? values.length) - start >= shortest);
  const first = values[long[0] ?? 0] ?? 0;
  if (long.length === 0) return values;
  return values.map((_, i) => values[long.findLast((start) => start <= i) ?? -1] ?? first);
}
