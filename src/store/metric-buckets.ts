import type { PointValue } from "../model/metric.ts";
import type { Bucket } from "../stats/buckets.ts";

type Histogram = PointValue & { readonly kind: "histogram" };
type Exponential = PointValue & { readonly kind: "exponential_histogram" };

/** A value with buckets. */
export type BucketValue = Histogram | Exponential;

/**
 * Buckets of a value that have values. Those without an end stop where nothing more is known: the first one at 0 (or at
 * its bound, if that is below 0), the last one at its bound. A histogram without bounds has none.
 */
export function bucketsOf(value: BucketValue, bounds: readonly number[]): readonly Bucket[] {
  return (value.kind === "histogram" ? explicitBuckets(value, bounds) : exponentialBuckets(value)).filter(
    ({ count }) => count > 0,
  );
}

function explicitBuckets({ counts }: Histogram, bounds: readonly number[]): readonly Bucket[] {
  const [first] = bounds;
  const last = bounds.at(-1);
  if (first === undefined || last === undefined) return [];
  return counts.map((count, at) => ({
    lower: bounds[at - 1] ?? Math.min(0, first),
    upper: bounds[at] ?? last,
    count,
  }));
}

function exponentialBuckets({ scale, zeroCount, zeroThreshold, positive, negative }: Exponential): readonly Bucket[] {
  const isOneSided = negative.counts.every((count) => count === 0);
  const zero = { lower: isOneSided ? 0 : -zeroThreshold, upper: zeroThreshold, count: zeroCount };
  const bound = (index: number): number => Math.min(Number.MAX_VALUE, 2 ** (index * 2 ** -scale));
  const above = positive.counts.map((count, at) => ({
    lower: bound(positive.offset + at),
    upper: bound(positive.offset + at + 1),
    count,
  }));
  const below = negative.counts.map((count, at) => ({
    lower: -bound(negative.offset + at + 1),
    upper: -bound(negative.offset + at),
    count,
  }));
  return [...below, zero, ...above];
}

/**
 * What a cumulative value has more than an earlier one; undefined when something of it is less, so that it was reset.
 * Where the scale became coarser meanwhile, the earlier value is brought to it.
 */
export function bucketGrowth(value: BucketValue, before: BucketValue): BucketValue | undefined {
  const count = value.count - before.count;
  const sum = value.sum === undefined || before.sum === undefined ? undefined : value.sum - before.sum;
  const head = { count, ...(sum !== undefined && { sum }) };
  if (count < 0) return undefined;
  if (value.kind === "histogram") {
    if (before.kind !== "histogram" || before.counts.length !== value.counts.length) return undefined;
    const counts = value.counts.map((one, at) => one - (before.counts[at] ?? 0));
    return counts.some((one) => one < 0) ? undefined : { kind: "histogram", ...head, counts };
  }
  if (before.kind !== "exponential_histogram" || before.scale < value.scale) return undefined;
  const levels = before.scale - value.scale;
  const positive = difference(value.positive, before.positive, levels);
  const negative = difference(value.negative, before.negative, levels);
  const zeroCount = value.zeroCount - before.zeroCount;
  if (positive === undefined || negative === undefined || zeroCount < 0) return undefined;
  const { kind, scale, zeroThreshold } = value;
  return { kind, ...head, scale, zeroCount, zeroThreshold, positive, negative };
}

type Counts = Exponential["positive"];

function difference(value: Counts, before: Counts, levels: number): Counts | undefined {
  const counts = [...value.counts];
  for (const [at, count] of before.counts.entries()) {
    if (count === 0) continue;
    // A bucket of a coarser scale holds 2^levels finer ones.
    const index = Math.floor((before.offset + at) / 2 ** levels) - value.offset;
    const left = (counts[index] ?? -1) - count;
    if (left < 0) return undefined;
    counts[index] = left;
  }
  return { offset: value.offset, counts };
}
