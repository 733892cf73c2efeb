import { enumeration, field, many, one } from "./message.ts";

/** opentelemetry/proto/common and resource, as far as they are kept. */
export const RESOURCE = { attributes: field(1, "attributes") };
export const SCOPE = { name: field(1, "text"), version: field(2, "text"), attributes: field(3, "attributes") };

/** opentelemetry/proto/metrics/v1/metrics.proto, as far as it is kept. */
const EXEMPLAR = {
  filteredAttributes: field(7, "attributes"),
  timeUnixNano: field(2, "time"),
  asDouble: field(3, "double"),
  asInt: field(6, "sfixed64"),
  spanId: field(4, "spanId"),
  traceId: field(5, "traceId"),
};

const TIMES = { startTimeUnixNano: field(2, "time"), timeUnixNano: field(3, "time") };

export const NUMBER_POINT = {
  ...TIMES,
  attributes: field(7, "attributes"),
  asDouble: field(4, "double"),
  asInt: field(6, "sfixed64"),
  exemplars: many(5, EXEMPLAR),
  flags: field(8, "uint32"),
};

export const HISTOGRAM_POINT = {
  ...TIMES,
  attributes: field(9, "attributes"),
  count: field(4, "count"),
  sum: field(5, "double"),
  bucketCounts: field(6, "counts"),
  explicitBounds: field(7, "doubles"),
  exemplars: many(8, EXEMPLAR),
  flags: field(10, "uint32"),
  min: field(11, "double"),
  max: field(12, "double"),
};

const BUCKETS = { offset: field(1, "sint32"), bucketCounts: field(2, "varints") };

export const EXPONENTIAL_POINT = {
  ...TIMES,
  attributes: field(1, "attributes"),
  count: field(4, "count"),
  sum: field(5, "double"),
  scale: field(6, "sint32"),
  zeroCount: field(7, "count"),
  positive: one(8, BUCKETS),
  negative: one(9, BUCKETS),
  flags: field(10, "uint32"),
  exemplars: many(11, EXEMPLAR),
  min: field(12, "double"),
  max: field(13, "double"),
  zeroThreshold: field(14, "double"),
};

const QUANTILE = { quantile: field(1, "double"), value: field(2, "double") };

export const SUMMARY_POINT = {
  ...TIMES,
  attributes: field(7, "attributes"),
  count: field(4, "count"),
  sum: field(5, "double"),
  quantileValues: many(6, QUANTILE),
  flags: field(8, "uint32"),
};

/** The members of a metric's data beside its points. */
export const STREAM = {
  aggregationTemporality: enumeration(2, "AGGREGATION_TEMPORALITY_", ["UNSPECIFIED", "DELTA", "CUMULATIVE"]),
  isMonotonic: field(3, "bool"),
};

export const METRIC = { name: field(1, "text"), description: field(2, "text"), unit: field(3, "text") };

/** Where the messages lie in each other. */
export const METRIC_DATA = {
  gauge: one(5, {}),
  sum: one(7, {}),
  histogram: one(9, {}),
  exponentialHistogram: one(10, {}),
  summary: one(11, {}),
};
export const DATA_POINTS = { dataPoints: many(1, {}) };
export const METRICS_REQUEST = { resourceMetrics: many(1, {}) };
export const RESOURCE_METRICS = { resource: one(1, {}), scopeMetrics: many(2, {}) };
export const SCOPE_METRICS = { scope: one(1, {}), metrics: many(2, {}) };
