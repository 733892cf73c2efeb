import { z } from "zod";
import { Attributes, Scope, SpanId, TraceId } from "./span.ts";

/** Kinds of metric points, in OpenTelemetry's words. */
export const METRIC_TYPES = ["gauge", "sum", "histogram", "exponential_histogram", "summary"] as const;
export const MetricType = z.enum(METRIC_TYPES);
export type MetricType = z.infer<typeof MetricType>;

/** Whether a point tells what happened since the point before it, or since its start; order of the OTLP enum (1 = delta). */
export const TEMPORALITIES = ["delta", "cumulative"] as const;
export const Temporality = z.enum(TEMPORALITIES);
export type Temporality = z.infer<typeof Temporality>;

/**
 * What the points of one stream have in common: its identity in OpenTelemetry's data model (resource, scope, name, unit,
 * type, attributes), the bucket bounds, and the description, which does not identify it.
 */
export const MetricSeries = z.object({
  name: z.string(),
  /** UCUM, as the instrument gave it; empty when it gave none. */
  unit: z.string(),
  description: z.string().optional(),
  type: MetricType,
  /** Of sums and histograms. */
  temporality: Temporality.optional(),
  /** Of sums: whether they only ever grow. */
  monotonic: z.boolean().optional(),
  /** Of histograms with explicit bounds: upper bounds of the buckets but the last, ascending; each is within its bucket. */
  bounds: z.array(z.number()).optional(),
  attributes: Attributes,
  /** Resource attribute `service.name`; `unknown_service` when absent. */
  service: z.string(),
  resource: Attributes,
  scope: Scope,
});
export type MetricSeries = z.infer<typeof MetricSeries>;

const Count = z.number().int().nonnegative();
const Observed = { count: Count, sum: z.number().optional(), min: z.number().optional(), max: z.number().optional() };
const ExponentialBuckets = z.object({ offset: z.number().int(), counts: z.array(Count) });

/** What a point says. 64-bit integers beyond 2^53 are the nearest double. */
export const PointValue = z.discriminatedUnion("kind", [
  /** Gauges and sums. */
  z.object({ kind: z.literal("number"), value: z.number() }),
  /** One more count than the series has bounds, or none at all. */
  z.object({ kind: z.literal("histogram"), ...Observed, counts: z.array(Count) }),
  /** Bucket i of `positive` holds base^(offset + i) < v ≤ base^(offset + i + 1), base = 2^(2^−scale); `negative` mirrors it. */
  z.object({
    kind: z.literal("exponential_histogram"),
    ...Observed,
    scale: z.number().int(),
    zeroCount: Count,
    /** Values up to this, either sign, are in `zeroCount`. */
    zeroThreshold: z.number().nonnegative(),
    positive: ExponentialBuckets,
    negative: ExponentialBuckets,
  }),
  /** Quantiles that the source computed; NaN where it had no value. */
  z.object({
    kind: z.literal("summary"),
    count: Count,
    sum: z.number(),
    quantiles: z.array(z.object({ quantile: z.number(), value: z.union([z.number(), z.nan()]) })),
  }),
  /** The source says that there is no value at this time (OTLP flag NO_RECORDED_VALUE): the series ended, for now. */
  z.object({ kind: z.literal("none") }),
]);
export type PointValue = z.infer<typeof PointValue>;

/** A single measurement that a point counts, with the trace that it was made in. `timeNs`: ns since the Unix epoch. */
export const Exemplar = z.object({
  timeNs: z.bigint(),
  value: z.number(),
  traceId: TraceId.optional(),
  spanId: SpanId.optional(),
  /** Attributes that the series does not have. */
  attributes: Attributes,
});
export type Exemplar = z.infer<typeof Exemplar>;

/** One data point. (series, `timeNs`, `startNs`) identifies it. Times in ns since the Unix epoch. */
export const MetricPoint = z.object({
  series: MetricSeries,
  timeNs: z.bigint(),
  /** Since when it counts; absent where the source does not say. */
  startNs: z.bigint().optional(),
  value: PointValue,
  exemplars: z.array(Exemplar),
});
export type MetricPoint = z.infer<typeof MetricPoint>;
