import { normalQuantile } from "../../stats/normal.ts";
import { zeroin } from "./zeroin.ts";

/** Estimated shift experiment − control, with its confidence limits, in the unit of the values. */
export type Shift = { readonly lower: number; readonly upper: number; readonly estimate: number };

/** Experiment x and control y. */
export type Pair = { readonly x: readonly number[]; readonly y: readonly number[] };

/** Ranks from 1, ties averaged. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => (values[i] ?? 0) - (values[j] ?? 0));
  const result = values.map(() => 0);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end] ?? 0] === values[order[start] ?? 0]) end += 1;
    for (const index of order.slice(start, end)) result[index] = (start + 1 + end) / 2;
    start = end;
  }
  return result;
}

/** Sum of the ranks of x among x and y together. */
export function rankSum({ x, y }: Pair): number {
  return ranks([...x, ...y])
    .slice(0, x.length)
    .reduce((sum, rank) => sum + rank, 0);
}

/**
 * Two-sample Wilcoxon test turned into an interval for the shift: the shifts at which the normal score of the rank sum,
 * with continuity correction, meets the quantiles. The estimate keeps the correction (R leaves it out there).
 * Undefined when all observations are tied at some shift that has to be tried.
 */
export function mannWhitneyShift(pair: Pair, confidence: number): Shift | undefined {
  const low = Math.min(...pair.x) - Math.max(...pair.y);
  const high = Math.max(...pair.x) - Math.min(...pair.y);
  const z = normalQuantile((1 - confidence) / 2);
  let tied = false;
  const score = (shift: number): number => {
    const value = normalScore(pair, shift);
    tied ||= Number.isNaN(value);
    return value;
  };
  const [atLow, atHigh] = [score(low), score(high)];
  const solve = (quantile: number): number =>
    zeroin((shift) => score(shift) - quantile, { low, high, atLow: atLow - quantile, atHigh: atHigh - quantile });
  const limit = (quantile: number): number => {
    if (atLow - quantile <= 0) return low;
    return atHigh - quantile >= 0 ? high : solve(quantile);
  };
  if (tied) return undefined;
  const shift = { lower: limit(-z), upper: limit(z), estimate: solve(0) };
  return tied ? undefined : shift;
}

/** Normal score of the rank sum of x − shift among it and y; NaN when all are tied. */
function normalScore({ x, y }: Pair, shift: number): number {
  const [m, n] = [x.length, y.length];
  const all = ranks([...x.map((value) => value - shift), ...y]);
  const sum = all.slice(0, m).reduce((total, rank) => total + rank, 0);
  const distance = sum - (m * (m + 1)) / 2 - (m * n) / 2;
  const counts = new Map<number, number>();
  for (const rank of all) counts.set(rank, (counts.get(rank) ?? 0) + 1);
  let ties = 0;
  for (const t of counts.values()) ties += t ** 3 - t;
  const sigma = Math.sqrt(((m * n) / 12) * (m + n + 1 - ties / ((m + n) * (m + n - 1))));
  return sigma === 0 ? Number.NaN : (distance - Math.sign(distance) * 0.5) / sigma;
}
