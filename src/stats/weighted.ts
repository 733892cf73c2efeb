import { requireDomain } from "./domain.ts";
import { quantile, sortedAscending } from "./quantile.ts";

/** A value that stands for `weight` of its kind, at least 1. */
export type Weighted = { readonly value: number; readonly weight: number };

/** The sum of weights. */
export function totalWeight(items: Iterable<{ readonly weight: number }>): number {
  let total = 0;
  for (const { weight } of items) total += weight;
  return total;
}

/**
 * Kish's effective sample size (1965), (Σw)² / Σw²: how many equally weighted items say as much. The number of items
 * when all weights are equal.
 */
export function effectiveSize(items: readonly { readonly weight: number }[]): number {
  if (hasOneWeight(items)) return items.length;
  let squares = 0;
  for (const { weight } of items) squares += weight * weight;
  return totalWeight(items) ** 2 / squares;
}

/** Whether all weights are equal, so that the items are a plain sample. */
export function hasOneWeight(items: readonly { readonly weight: number }[]): boolean {
  return items.every(({ weight }) => weight === items[0]?.weight);
}

/**
 * The p-quantile of the values that the items stand for: of each value `weight` times, as {@link quantile} takes it.
 * With equal weights it is the quantile of the values themselves, so that sampling at one rate changes no quantile.
 */
export function weightedQuantile(items: readonly Weighted[], p: number): number {
  requireDomain(items.length > 0 && p >= 0 && p <= 1, `No ${p}-quantile of ${items.length} values.`);
  if (hasOneWeight(items)) return quantile(sortedAscending(items.map(({ value }) => value)), p);
  const sorted = items.toSorted((a, b) => a.value - b.value);
  const position = (totalWeight(items) - 1) * p;
  let below = 0;
  for (const [at, { value, weight }] of sorted.entries()) {
    const last = below + weight - 1;
    below += weight;
    if (position > below && at < sorted.length - 1) continue;
    const next = sorted[at + 1]?.value ?? value;
    // Between the last copy of one value and the first of the next lies a step of 1.
    return value + (next - value) * Math.min(1, Math.max(0, position - last));
  }
  return sorted.at(-1)?.value ?? Number.NaN;
}
