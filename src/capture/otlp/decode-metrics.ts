import { pointFault } from "../../model/metric-check.ts";
import {
  TEMPORALITIES,
  type Exemplar,
  type MetricPoint,
  type MetricSeries,
  type PointValue,
} from "../../model/metric.ts";
import { partCounter, visitGroups, type Shared } from "./decode-groups.ts";
import { checkedTime } from "./fields.ts";
import type { Source, Values } from "./message.ts";
import {
  DATA_POINTS,
  EXPONENTIAL_POINT,
  HISTOGRAM_POINT,
  METRIC,
  METRIC_DATA,
  METRICS_REQUEST,
  NUMBER_POINT,
  RESOURCE_METRICS,
  SCOPE_METRICS,
  STREAM,
  SUMMARY_POINT,
} from "./metric-messages.ts";
import { jsonSource } from "./read-json.ts";
import { protobufSource } from "./read-protobuf.ts";
import { attempt, decodedItems, reject, type DecodedItems } from "./rejection.ts";

/**
 * OTLP protobuf metrics (`ExportMetricsServiceRequest`) to points. A bad point is counted under its reason and costs none
 * of its neighbours; a bad metric, resource or scope costs the points below it.
 * @throws WhetstoneError `input_unreadable` when the messages around the points are malformed or too many
 */
export const decodeMetricsProtobuf = (body: Uint8Array): DecodedItems<MetricPoint> =>
  decodeMetrics(protobufSource(body));

/** OTLP JSON metrics to points. @param document parsed JSON with `resourceMetrics` */
export const decodeMetricsJson = (document: unknown): DecodedItems<MetricPoint> => decodeMetrics(jsonSource(document));

type Decoding<Node> = {
  readonly source: Source<Node>;
  readonly decoded: ReturnType<typeof decodedItems<MetricPoint>>;
  readonly count: () => void;
};

function decodeMetrics<Node>(source: Source<Node>): DecodedItems<MetricPoint> {
  const decoding: Decoding<Node> = { source, decoded: decodedItems<MetricPoint>(), count: partCounter() };
  visitGroups(
    source,
    [
      [METRICS_REQUEST, "resourceMetrics"],
      [RESOURCE_METRICS, "scopeMetrics"],
      [SCOPE_METRICS, "metrics"],
    ],
    {
      visit: (node, shared) => decodeMetric(decoding, node, shared),
      refuse: (node, error) => refusePoints(decoding, node, error),
      count: decoding.count,
    },
  );
  return decoding.decoded.result();
}

/** Names of a metric's data in OTLP, and what they are here. */
const TYPES = {
  gauge: "gauge",
  sum: "sum",
  histogram: "histogram",
  exponentialHistogram: "exponential_histogram",
  summary: "summary",
} as const satisfies Record<keyof typeof METRIC_DATA, MetricSeries["type"]>;

const DATA_NAMES = Object.keys(TYPES) as (keyof typeof TYPES)[];

type Stream = Pick<MetricSeries, "name" | "unit" | "description" | "type" | "temporality" | "monotonic"> & Shared;

function decodeMetric<Node>(decoding: Decoding<Node>, metric: Node, shared: Shared): void {
  const { source, decoded, count } = decoding;
  for (const name of DATA_NAMES) {
    for (const data of source.below(metric, METRIC_DATA, name)) {
      const type = TYPES[name];
      const stream = attempt(() => streamOf(source, { metric, data, type, shared }));
      for (const point of source.below(data, DATA_POINTS, "dataPoints")) {
        count();
        if ("error" in stream) decoded.refuse(stream.error, 1);
        else decoded.attempt(() => readPoint(source, point, stream.value));
      }
    }
  }
}

function refusePoints<Node>({ source, decoded, count }: Decoding<Node>, metric: Node, error: unknown): void {
  for (const name of DATA_NAMES) {
    for (const data of source.below(metric, METRIC_DATA, name)) {
      for (const _point of source.below(data, DATA_POINTS, "dataPoints")) {
        count();
        decoded.refuse(error, 1);
      }
    }
  }
}

function streamOf<Node>(
  { read }: Source<Node>,
  { metric, data, type, shared }: { metric: Node; data: Node; type: MetricSeries["type"]; shared: Shared },
): Stream {
  const { name, unit, description } = read(metric, METRIC);
  const { aggregationTemporality, isMonotonic } = read(data, STREAM);
  const hasTemporality = type !== "gauge" && type !== "summary";
  const temporality = hasTemporality ? TEMPORALITIES[aggregationTemporality - 1] : undefined;
  if (hasTemporality && temporality === undefined) reject("aggregation temporality is unspecified");
  return {
    name,
    unit,
    ...(description !== "" && { description }),
    type,
    ...(temporality !== undefined && { temporality }),
    ...(type === "sum" && { monotonic: isMonotonic }),
    ...shared,
  };
}

function readPoint<Node>({ read }: Source<Node>, node: Node, stream: Stream): MetricPoint {
  switch (stream.type) {
    case "gauge":
    case "sum": {
      const values = read(node, NUMBER_POINT);
      return pointOf(values, stream, () => ({ kind: "number", value: numberOf(values) }));
    }
    case "histogram": {
      const values = read(node, HISTOGRAM_POINT);
      const { count, bucketCounts: counts, explicitBounds: bounds } = values;
      const valueOf = (): PointValue => ({ kind: "histogram", count, ...observed(values), counts });
      return pointOf(values, { ...stream, bounds }, valueOf);
    }
    case "exponential_histogram": {
      const values = read(node, EXPONENTIAL_POINT);
      return pointOf(values, stream, () => exponentialOf(values));
    }
    case "summary": {
      const values = { ...read(node, SUMMARY_POINT), exemplars: [] };
      const quantiles = values.quantileValues.map(({ quantile = 0, value = 0 }) => ({ quantile, value }));
      const { count, sum = 0 } = values;
      return pointOf(values, stream, () => ({ kind: "summary", count, sum, quantiles }));
    }
  }
}

type Common = Pick<
  Values<typeof NUMBER_POINT>,
  "attributes" | "startTimeUnixNano" | "timeUnixNano" | "flags" | "exemplars"
>;

/** Bit of the flags: the source says that there is no value (opentelemetry-proto, DataPointFlags). */
const NO_RECORDED_VALUE = 1;

function pointOf(
  values: Common,
  stream: Stream & Pick<MetricSeries, "bounds">,
  valueOf: () => PointValue,
): MetricPoint {
  const { attributes, startTimeUnixNano: startNs, flags } = values;
  const point: MetricPoint = {
    series: { ...stream, attributes },
    timeNs: checkedTime(values.timeUnixNano, "time"),
    ...(startNs !== 0n && { startNs }),
    value: (flags & NO_RECORDED_VALUE) === 0 ? valueOf() : { kind: "none" },
    exemplars: values.exemplars.map(exemplarOf),
  };
  const fault = pointFault(point);
  return fault === undefined ? point : reject(fault);
}

const numberOf = ({ asDouble, asInt }: { readonly asDouble: number | undefined; readonly asInt: number | undefined }) =>
  asDouble ?? asInt ?? reject("value is missing");

function exemplarOf(values: Common["exemplars"][number]): Exemplar {
  const { traceId, spanId } = values;
  return {
    timeNs: checkedTime(values.timeUnixNano, "exemplar's time"),
    value: numberOf(values),
    ...(traceId !== undefined && { traceId }),
    ...(spanId !== undefined && { spanId }),
    attributes: values.filteredAttributes,
  };
}

type Observed = Pick<Values<typeof HISTOGRAM_POINT>, "sum" | "min" | "max">;

const observed = ({ sum, min, max }: Observed) => ({
  ...(sum !== undefined && { sum }),
  ...(min !== undefined && { min }),
  ...(max !== undefined && { max }),
});

function exponentialOf(values: Values<typeof EXPONENTIAL_POINT>): PointValue {
  const { count, scale, zeroCount, zeroThreshold = 0, positive, negative } = values;
  const buckets = (one: typeof positive) => ({ offset: one?.offset ?? 0, counts: one?.bucketCounts ?? [] });
  return {
    kind: "exponential_histogram",
    count,
    ...observed(values),
    scale,
    zeroCount,
    zeroThreshold,
    positive: buckets(positive),
    negative: buckets(negative),
  };
}
