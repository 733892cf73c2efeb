import type { MetricPoint, MetricSeries, PointValue } from "./metric.ts";

/** Stores keep times as signed 64-bit integers, the largest of which no time has. */
const LATEST_NS = 2n ** 63n - 2n;

/** Greatest distance of an exponential histogram's scale from 0; SDKs use −10 to 20. */
const MAX_SCALE = 64;

/** Greatest distance of a bucket's index from 0: OTLP's 32 bits. */
const MAX_INDEX = 2 ** 31;

/**
 * Why a point is no point of its series, or undefined when it is one (OpenTelemetry metrics data model). The reason names
 * the field, never its value.
 */
export function pointFault({ series, timeNs, startNs, value, exemplars }: MetricPoint): string | undefined {
  if (timeNs <= 0n || timeNs > LATEST_NS) return "time is out of range";
  if (startNs !== undefined && (startNs <= 0n || startNs > LATEST_NS)) return "start time is out of range";
  if (startNs !== undefined && startNs > timeNs) return "start is after time";
  for (const exemplar of exemplars) {
    if (!Number.isFinite(exemplar.value)) return "exemplar's value is not finite";
    if (exemplar.timeNs <= 0n || exemplar.timeNs > LATEST_NS) return "exemplar's time is out of range";
  }
  return seriesFault(series) ?? valueFault(series, value);
}

function seriesFault({ name, type, temporality, monotonic, bounds }: MetricSeries): string | undefined {
  if (name === "") return "metric without a name";
  const hasTemporality = type === "sum" || type === "histogram" || type === "exponential_histogram";
  if ((temporality !== undefined) !== hasTemporality) return "aggregation temporality does not fit the type";
  if ((monotonic !== undefined) !== (type === "sum")) return "monotonic does not fit the type";
  if ((bounds !== undefined) !== (type === "histogram")) return "bounds do not fit the type";
  if (bounds === undefined) return undefined;
  if (!bounds.every(Number.isFinite)) return "bucket bound is not finite";
  return bounds.every((bound, at) => at === 0 || bound > (bounds[at - 1] ?? bound))
    ? undefined
    : "bucket bounds are not ascending";
}

function valueFault(series: MetricSeries, value: PointValue): string | undefined {
  switch (value.kind) {
    case "none":
      return undefined;
    case "number":
      return numberFault(series, value.value);
    case "histogram":
      return series.type === "histogram" ? histogramFault(series.bounds ?? [], value) : OTHER_TYPE;
    case "exponential_histogram":
      return series.type === "exponential_histogram" ? exponentialFault(value) : OTHER_TYPE;
    case "summary":
      return series.type === "summary" ? summaryFault(value) : OTHER_TYPE;
  }
}

const OTHER_TYPE = "value is of another type than the series";

function numberFault({ type, monotonic }: MetricSeries, value: number): string | undefined {
  if (type !== "gauge" && type !== "sum") return OTHER_TYPE;
  if (!Number.isFinite(value)) return "value is not finite";
  return monotonic === true && value < 0 ? "monotonic sum is negative" : undefined;
}

type Observed = Pick<PointValue & { readonly kind: "histogram" }, "count" | "sum" | "min" | "max">;

function observedFault({ count, sum = 0, min = 0, max = 0 }: Observed): string | undefined {
  if (!isCount(count)) return "count is out of range";
  if (!Number.isFinite(sum)) return "sum is not finite";
  return Number.isFinite(min) && Number.isFinite(max) ? undefined : "min or max is not finite";
}

const isCount = (count: number): boolean => Number.isSafeInteger(count) && count >= 0;

function histogramFault(
  bounds: readonly number[],
  value: PointValue & { readonly kind: "histogram" },
): string | undefined {
  const { counts, count } = value;
  if (counts.length !== (counts.length === 0 ? bounds.length : bounds.length + 1)) {
    return "number of buckets does not match the bounds";
  }
  if (!counts.every(isCount)) return "bucket count is out of range";
  if (counts.length > 0 && total(counts) !== count) return "bucket counts do not add up to the count";
  return observedFault(value);
}

function exponentialFault(value: PointValue & { readonly kind: "exponential_histogram" }): string | undefined {
  const { scale, zeroCount, zeroThreshold, positive, negative, count } = value;
  if (!Number.isInteger(scale) || Math.abs(scale) > MAX_SCALE) return "scale is out of range";
  if (!(zeroThreshold >= 0) || zeroThreshold === Infinity) return "zero threshold is out of range";
  for (const { offset, counts } of [positive, negative]) {
    if (!Number.isInteger(offset) || Math.abs(offset) > MAX_INDEX) return "bucket offset is out of range";
    if (!counts.every(isCount)) return "bucket count is out of range";
  }
  if (!isCount(zeroCount)) return "bucket count is out of range";
  if (zeroCount + total(positive.counts) + total(negative.counts) !== count) {
    return "bucket counts do not add up to the count";
  }
  return observedFault(value);
}

function summaryFault(value: PointValue & { readonly kind: "summary" }): string | undefined {
  if (!value.quantiles.every(({ quantile }) => quantile >= 0 && quantile <= 1)) return "quantile is out of range";
  const isValue = (one: number): boolean => Number.isFinite(one) || Number.isNaN(one);
  return value.quantiles.every((one) => isValue(one.value)) ? observedFault(value) : "quantile's value is not finite";
}

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
