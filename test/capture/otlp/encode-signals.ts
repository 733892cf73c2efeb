import { encodeAttributes, encodeValue } from "../../../src/capture/otlp/any-value.ts";
import type { LogRecord } from "../../../src/model/log.ts";
import { TEMPORALITIES, type Exemplar, type MetricPoint, type PointValue } from "../../../src/model/metric.ts";

const scopeOf = ({ scope, resource }: Pick<LogRecord, "scope" | "resource">) => ({
  resource: { attributes: encodeAttributes(resource) },
  scope: { ...scope, ...(scope.attributes !== undefined && { attributes: encodeAttributes(scope.attributes) }) },
});

/** Points as OTLP JSON, each in a group of its own. */
export function encodeMetrics(points: readonly MetricPoint[]): object {
  return {
    resourceMetrics: points.map((point) => {
      const { resource, scope } = scopeOf(point.series);
      return { resource, scopeMetrics: [{ scope, metrics: [encodeMetric(point)] }] };
    }),
  };
}

const NAMES = {
  gauge: "gauge",
  sum: "sum",
  histogram: "histogram",
  exponential_histogram: "exponentialHistogram",
  summary: "summary",
} as const;

function encodeMetric({ series, timeNs, startNs, value, exemplars }: MetricPoint) {
  const { name, unit, description, type, temporality, monotonic, bounds, attributes } = series;
  const point = {
    attributes: encodeAttributes(attributes),
    timeUnixNano: `${timeNs}`,
    ...(startNs !== undefined && { startTimeUnixNano: `${startNs}` }),
    ...(type !== "summary" && { exemplars: exemplars.map(encodeExemplar) }),
    ...(bounds !== undefined && { explicitBounds: bounds }),
    ...encodePoint(value),
  };
  return {
    name,
    unit,
    ...(description !== undefined && { description }),
    [NAMES[type]]: {
      dataPoints: [point],
      ...(temporality !== undefined && { aggregationTemporality: TEMPORALITIES.indexOf(temporality) + 1 }),
      ...(monotonic !== undefined && { isMonotonic: monotonic }),
    },
  };
}

function encodePoint(value: PointValue): object {
  switch (value.kind) {
    case "none":
      return { flags: 1 };
    case "number":
      return Number.isSafeInteger(value.value) ? { asInt: `${value.value}` } : { asDouble: value.value };
    case "histogram": {
      const { kind: _, counts, count, ...rest } = value;
      return { ...rest, count: `${count}`, bucketCounts: counts.map(String) };
    }
    case "exponential_histogram": {
      const { kind: _, count, zeroCount, positive, negative, ...rest } = value;
      const buckets = ({ offset, counts }: typeof positive) => ({ offset, bucketCounts: counts.map(String) });
      const all = { positive: buckets(positive), negative: buckets(negative) };
      return { ...rest, ...all, count: `${count}`, zeroCount: `${zeroCount}` };
    }
    case "summary": {
      const { count, sum, quantiles } = value;
      const quantileValues = quantiles.map((one) => ({ ...one, value: Number.isNaN(one.value) ? "NaN" : one.value }));
      return { count: `${count}`, sum, quantileValues };
    }
  }
}

const encodeExemplar = ({ timeNs, value, attributes, ...ids }: Exemplar) => ({
  ...ids,
  timeUnixNano: `${timeNs}`,
  asDouble: value,
  filteredAttributes: encodeAttributes(attributes),
});

/** Records as OTLP JSON, each in a group of its own. */
export function encodeLogRecords(records: readonly LogRecord[]): object {
  return {
    resourceLogs: records.map((record) => {
      const { resource, scope } = scopeOf(record);
      return { resource, scopeLogs: [{ scope, logRecords: [encodeLogRecord(record)] }] };
    }),
  };
}

function encodeLogRecord(record: LogRecord) {
  const { timeNs, observedNs, severity, severityText, body, eventName, traceId, spanId } = record;
  return {
    timeUnixNano: `${timeNs}`,
    ...(observedNs !== undefined && { observedTimeUnixNano: `${observedNs}` }),
    ...(severity !== undefined && { severityNumber: severity }),
    ...(severityText !== undefined && { severityText }),
    ...(body !== undefined && { body: encodeValue(body) }),
    ...(eventName !== undefined && { eventName }),
    ...(traceId !== undefined && { traceId }),
    ...(spanId !== undefined && { spanId }),
    attributes: encodeAttributes(record.attributes),
    ...(record.droppedAttributes !== undefined && { droppedAttributesCount: record.droppedAttributes }),
  };
}
