import { requireDomain } from "./domain.ts";

/** How many values lie in an interval, spread evenly over it; all of them at one place where the bounds are equal. */
export type Bucket = { readonly lower: number; readonly upper: number; readonly count: number };

/**
 * Estimate of the quantile `q` (0 to 1) of bucketed values, linear within a bucket, as Prometheus' histogram_quantile.
 * Buckets may overlap: histograms with different bounds are estimated together. Undefined without values.
 * @throws WhetstoneError `defect` for a rank outside of [0, 1]
 */
export function bucketQuantile(buckets: readonly Bucket[], q: number): number | undefined {
  requireDomain(q >= 0 && q <= 1, `A quantile lies in [0, 1], got ${q}.`);
  const filled = buckets.filter(({ count }) => count > 0);
  const edges = [...new Set(filled.flatMap(({ lower, upper }) => [lower, upper]))].sort((a, b) => a - b);
  const [first] = edges;
  if (first === undefined) return undefined;
  const target = q * filled.reduce((sum, { count }) => sum + count, 0);
  const at = firstIndex(edges, (edge) => countUpTo(filled, edge, true) >= target);
  const upper = edges[at] ?? edges.at(-1) ?? first;
  const lower = edges[at - 1];
  if (lower === undefined) return upper;
  const before = countUpTo(filled, lower, true);
  const within = countUpTo(filled, upper, false) - before;
  // Where the count jumps at the edge itself, the quantile is the edge.
  return within > 0 && before + within >= target ? lower + (upper - lower) * ((target - before) / within) : upper;
}

/** Values up to `place`; those that are all at that place only if told. */
function countUpTo(buckets: readonly Bucket[], place: number, isInclusive: boolean): number {
  let sum = 0;
  for (const { lower, upper, count } of buckets) {
    if (upper < place || (upper === place && (lower < upper || isInclusive))) sum += count;
    else if (lower < place) sum += (count * (place - lower)) / (upper - lower);
  }
  return sum;
}

/** Index of the first item for which `isReached` holds, which it then does for all after it; the length when for none. */
function firstIndex(items: readonly number[], isReached: (item: number) => boolean): number {
  let [from, to] = [0, items.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (isReached(items[middle] ?? Infinity)) to = middle;
    else from = middle + 1;
  }
  return from;
}
