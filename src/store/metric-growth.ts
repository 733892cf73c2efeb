import type { MetricPoint, MetricSeries } from "../model/metric.ts";
import type { Bucket } from "../stats/buckets.ts";
import { bucketGrowth, bucketsOf, type BucketValue } from "./metric-buckets.ts";

/** What a series gained between two times, evenly spread as far as anybody knows. */
export type Growth = {
  /** ns since the Unix epoch; equal where the source says nothing of a duration. */
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** Growth of a sum, or the sum of the values observed; undefined where the source did not keep it. */
  readonly sum: number | undefined;
  /** Whether it is of a histogram or a summary, not of a sum. */
  readonly isDistribution: boolean;
  /** Values observed; 0 for sums. */
  readonly count: number;
  readonly buckets: readonly Bucket[];
  /** Least and greatest value observed, where the source says so of exactly this growth. */
  readonly min: number | undefined;
  readonly max: number | undefined;
};

/** Starts that are remembered at once: two processes that report as one series take turns, older ones are over. */
const STARTS = 16;

/**
 * What each point of a series adds to those before it; points come by time. Cumulative points are compared with the one
 * before that has the same start. Without one, a point counts from its start; without a start (or with one that equals
 * its time, as the data model has it for an unknown start) it is only what later ones are compared with. A monotonic
 * value that dropped was reset, and counts in full.
 */
export function growthOf(series: MetricSeries): (point: MetricPoint) => Growth | undefined {
  // The points of a summary are cumulative.
  if (series.temporality === "delta") return (point) => whole(point, point.startNs ?? point.timeNs);
  const before = new Map<bigint | undefined, MetricPoint>();
  return (point) => {
    if (point.value.kind === "none") return undefined;
    const last = before.get(point.startNs);
    before.delete(point.startNs);
    before.set(point.startNs, point);
    const [oldest] = before.keys();
    if (before.size > STARTS) before.delete(oldest);
    if (last !== undefined) return between(last, point);
    const isUnknown = point.startNs === undefined || point.startNs === point.timeNs;
    return isUnknown ? undefined : whole(point, point.startNs ?? point.timeNs);
  };
}

const NOTHING = { count: 0, buckets: [], min: undefined, max: undefined } as const;

function whole({ series, timeNs, value }: MetricPoint, fromNs: bigint): Growth | undefined {
  const base = { ...NOTHING, fromNs, toNs: timeNs, isDistribution: value.kind !== "number" };
  switch (value.kind) {
    case "none":
      return undefined;
    case "number":
      return { ...base, sum: value.value };
    case "summary":
      return { ...base, sum: value.sum, count: value.count };
    case "histogram":
    case "exponential_histogram": {
      const { count, sum, min, max } = value;
      return { ...base, count, sum, min, max, buckets: bucketsOf(value, series.bounds ?? []) };
    }
  }
}

function between(last: MetricPoint, point: MetricPoint): Growth | undefined {
  const { series, value } = point;
  const { value: before, timeNs: fromNs } = last;
  const base = { ...NOTHING, fromNs, toNs: point.timeNs, isDistribution: value.kind !== "number" };
  if (value.kind === "number" && before.kind === "number") {
    const sum = value.value - before.value;
    return series.monotonic === true && sum < 0 ? whole(point, fromNs) : { ...base, sum };
  }
  if (value.kind === "summary" && before.kind === "summary") {
    const count = value.count - before.count;
    return count < 0 ? whole(point, fromNs) : { ...base, sum: value.sum - before.sum, count };
  }
  if (!hasBuckets(value) || !hasBuckets(before)) return undefined;
  const grown = bucketGrowth(value, before);
  if (grown === undefined) return whole(point, fromNs);
  return { ...base, count: grown.count, sum: grown.sum, buckets: bucketsOf(grown, series.bounds ?? []) };
}

const hasBuckets = (value: MetricPoint["value"]): value is BucketValue =>
  value.kind === "histogram" || value.kind === "exponential_histogram";
