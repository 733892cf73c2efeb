import type { Interval } from "../model/finding.ts";
import { incompleteBeta } from "./beta.ts";
import { requireDomain } from "./domain.ts";

/** A copy in ascending order. */
export function sortedAscending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

/** Arithmetic mean; NaN for no value. */
export function mean(values: readonly number[]): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/**
 * The p-quantile of values in ascending order, type 7 of Hyndman & Fan 1996 (the default of R and NumPy): linear
 * between the order statistics at (n − 1)p. Unit of the values.
 */
export function quantile(sorted: readonly number[], p: number): number {
  requireDomain(sorted.length > 0 && p >= 0 && p <= 1, `No ${p}-quantile of ${sorted.length} values.`);
  const position = (sorted.length - 1) * p;
  const below = Math.floor(position);
  const low = sorted[below] ?? Number.NaN;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? Number.NaN;
  return low + (high - low) * (position - below);
}

/** P(Bin(n, p) ≤ k). */
export function binomialCdf(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return incompleteBeta({ a: n - k, b: k + 1 }, 1 - p);
}

/**
 * Distribution-free interval for the p-quantile (0 < p < 1) of the distribution that the values, in ascending order,
 * come from: two order statistics whose ranks enclose it with probability at least `level`, half of the rest on each
 * side (Hahn & Meeker 1991, section 5.2). Null when there are too few values for that level.
 */
export function quantileInterval(sorted: readonly number[], p: number, level: number): Interval | null {
  requireDomain(p > 0 && p < 1 && level > 0 && level < 1, `No interval for the ${p}-quantile at level ${level}.`);
  const n = sorted.length;
  const side = (1 - level) / 2;
  const low = sorted[smallestCount(n, p, side) - 1];
  const high = sorted[smallestCount(n, p, 1 - side)];
  return low === undefined || high === undefined ? null : { low, high, level };
}

/**
 * The least k with P(Bin(n, p) ≤ k) ≥ mass. As 0-based ranks: with mass = side, order statistic k − 1 lies below the
 * quantile with probability ≥ 1 − side, since P(Bin ≤ k − 1) < side; with mass = 1 − side, order statistic k lies above.
 */
function smallestCount(n: number, p: number, mass: number): number {
  let low = 0;
  let high = n;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (binomialCdf(middle, n, p) >= mass) high = middle;
    else low = middle + 1;
  }
  return low;
}
