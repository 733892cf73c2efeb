import { normalQuantile } from "../../stats/normal.ts";
import { binomialCdf, quantile, sortedAscending } from "../../stats/quantile.ts";
import { effectiveSize, totalWeight, type Weighted } from "../../stats/weighted.ts";
import { median } from "../rating.ts";

/** How far a sample lies above another. */
export type Shift = {
  /** Standard errors by which it lies above; below 0 where it lies below. */
  readonly z: number;
  /** Difference of the means, in the unit of the values. */
  readonly excess: number;
  /** Number of values that the comparison is worth (harmonic, effective). */
  readonly size: number;
};

/** Smallest samples for which ranks can tell anything. */
const LEAST_FOR_RANKS = 6;
/** Spread that values of so few calls are given at least, as a share of their median. */
const RELATIVE_NOISE = 0.25;
/** Spread that is below what clocks and schedulers disturb, ms. */
const NOISE_FLOOR_MS = 0.2;
/** Multiple of the greatest value before from which a value is far beyond what is usual. */
const FAR = 2;

/**
 * Shift of `after` against `before`, robust against outliers: the greater of a rank test (Mann & Whitney 1947, weighted,
 * corrected for ties) and of the excess over the 95th percentile of `before` (two shares with pooled variance), which
 * sees faults of few calls. Samples of fewer than six values are compared by their medians in units of the spread,
 * which is assumed to be a quarter of the median and `floor` (in the unit of the values) at least.
 */
export function shiftOf(before: readonly Weighted[], after: readonly Weighted[], floor = NOISE_FLOOR_MS): Shift {
  if (before.length === 0 || after.length === 0) return { z: 0, excess: 0, size: 0 };
  const [n, m] = [effectiveSize(before), effectiveSize(after)];
  const size = (n * m) / (n + m);
  const excess = meanOf(after) - meanOf(before);
  if (Math.min(n, m) < LEAST_FOR_RANKS) return { z: fewShift(before, after, floor) * Math.sqrt(size), excess, size };
  return { z: Math.max(rankShift(before, after), tailShift(before, after, floor)), excess, size };
}

function fewShift(before: readonly Weighted[], after: readonly Weighted[], floor: number): number {
  const old = before.map(({ value }) => value);
  const middle = median(old);
  const spread = 1.4826 * median(old.map((value) => Math.abs(value - middle)));
  const now = sortedAscending(after.map(({ value }) => value));
  // The lower median: of two calls one may have stalled.
  const typical = now[Math.floor((now.length - 1) / 2)] ?? middle;
  const standardised = (typical - middle) / Math.max(spread, RELATIVE_NOISE * Math.abs(middle), floor);
  // Few values prove little: a stall of one call to the fivefold is nothing special, a rise to the fiftyfold is.
  return Math.min(standardised, 0.8 * Math.log2(1 + Math.max(0, typical) / Math.max(middle, floor)));
}

/** z of the probability that a value of `after` exceeds one of `before`. */
function rankShift(before: readonly Weighted[], after: readonly Weighted[]): number {
  const all = [...before.map((v) => ({ ...v, late: false })), ...after.map((v) => ({ ...v, late: true }))];
  all.sort((a, b) => a.value - b.value);
  const [total, totalLate] = [totalWeight(before), totalWeight(after)];
  let below = 0;
  let wins = 0;
  let ties = 0;
  for (let i = 0; i < all.length;) {
    let [early, late] = [0, 0];
    const value = all[i]?.value;
    for (; i < all.length && all[i]?.value === value; i += 1) {
      if (all[i]?.late === true) late += all[i]?.weight ?? 0;
      else early += all[i]?.weight ?? 0;
    }
    wins += late * (below + early / 2);
    below += early;
    ties += ((early + late) / (total + totalLate)) ** 3;
  }
  const [n, m] = [effectiveSize(before), effectiveSize(after)];
  const variance = ((n + m + 1) / (12 * n * m)) * Math.max(0, 1 - ties);
  return variance <= 0 ? 0 : (wins / (total * totalLate) - 0.5) / Math.sqrt(variance);
}

/** z of the rise of the share of values beyond the usual, and of the share far beyond anything that was usual. */
function tailShift(before: readonly Weighted[], after: readonly Weighted[], floor: number): number {
  const old = sortedAscending(before.map(({ value }) => value));
  const rateBeyond = (sample: readonly Weighted[], bound: number): Rate => ({
    rate: totalWeight(sample.filter(({ value }) => value > bound)) / totalWeight(sample),
    size: effectiveSize(sample),
  });
  const bound = quantile(old, 0.95);
  const far = FAR * (old.at(-1) ?? 0) + floor;
  return Math.max(
    rateShift(rateBeyond(before, bound), rateBeyond(after, bound)),
    rateShift(rateBeyond(before, far), rateBeyond(after, far), RARE_OUTLIERS),
  );
}

/** A share with the number of independent trials that it is worth. */
export type Rate = { readonly rate: number; readonly size: number };

/** What is assumed of a share before any trial: `hits` of `trials`. */
export type Prior = { readonly hits: number; readonly trials: number };

/** Failures are rare until they are seen. */
const RARE_FAILURES: Prior = { hits: 0.5, trials: 15 };
const RARE_OUTLIERS: Prior = { hits: 0.2, trials: 20 };

/**
 * z of the rise of a share: the binomial tail of what came after under the share before (with a prior, so that 0 of n is
 * no certainty), divided by √(1 + n/n₀) for what is not known about the share before.
 */
export function rateShift(before: Rate, after: Rate, prior: Prior = RARE_FAILURES): number {
  const trials = Math.round(after.size);
  if (before.size === 0 || trials === 0) return 0;
  const expected = (before.rate * before.size + prior.hits) / (before.size + prior.trials);
  const hits = Math.round(after.rate * trials);
  if (hits <= expected * trials) return 0;
  const tail = Math.max(1 - binomialCdf(hits - 1, trials, expected), 1e-15);
  return Math.max(0, -normalQuantile(tail)) / Math.sqrt(1 + trials / (before.size + prior.trials));
}

/** Sum of z values with weights (Stouffer 1949). */
export function combinedShift(shifts: readonly Shift[]): number {
  const squares = shifts.reduce((total, { size }) => total + size, 0);
  const weighted = shifts.reduce((total, { z, size }) => total + z * Math.sqrt(size), 0);
  return squares === 0 ? 0 : weighted / Math.sqrt(squares);
}

function meanOf(sample: readonly Weighted[]): number {
  return sample.reduce((total, { value, weight }) => total + value * weight, 0) / totalWeight(sample);
}
