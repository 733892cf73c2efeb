import { WhetstoneError } from "../model/error.ts";
import type { Json } from "../model/json.ts";
import { pointFault } from "../model/metric-check.ts";
import {
  METRIC_TYPES,
  TEMPORALITIES,
  type Exemplar,
  type MetricPoint,
  type MetricSeries,
  type PointValue,
} from "../model/metric.ts";
import type { Attributes } from "../model/span.ts";
import { decodePoint, encodePoint } from "./point-bytes.ts";
import { memberAt } from "./row.ts";
import { decodeJson, decodeText, encodeJson, encodeText } from "./text.ts";

/** The columns of a series that are its own; all but the last identify it. */
export type SeriesRow = {
  readonly name: string;
  readonly service: string;
  readonly unit: string;
  readonly type: number;
  readonly temporality: number;
  readonly monotonic: number;
  readonly bounds: string;
  readonly attributes: string;
  readonly resource: string;
  readonly scope: string;
  readonly description: string;
};

/** Columns of a series. */
export function toSeriesRow(series: MetricSeries, shared = sharedText()): SeriesRow {
  const { temporality, monotonic, bounds, scope } = series;
  return {
    name: encodeText(series.name),
    service: encodeText(series.service),
    unit: encodeText(series.unit),
    type: METRIC_TYPES.indexOf(series.type),
    temporality: temporality === undefined ? -1 : TEMPORALITIES.indexOf(temporality),
    monotonic: monotonic === undefined ? -1 : Number(monotonic),
    bounds: bounds === undefined ? "" : JSON.stringify(bounds),
    attributes: encodeJson(sorted(series.attributes)),
    resource: shared(series.resource, () => sorted(series.resource)),
    scope: shared(scope, () => scopeJson(scope)),
    description: encodeText(series.description ?? ""),
  };
}

/** JSON text of objects that many series of a batch have in common, made once each. */
export function sharedText(): (of: object, value: () => Json) => string {
  const known = new Map<object, string>();
  return (of, value) => {
    const text = known.get(of) ?? encodeJson(value());
    known.set(of, text);
    return text;
  };
}

function scopeJson({ attributes, ...scope }: MetricSeries["scope"]): Json {
  return { ...scope, ...(attributes !== undefined && { attributes: sorted(attributes) }) } as Json;
}

/** In whatever order a source writes its attributes, they name one stream. */
function sorted(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A series as the queries return it: integers as the driver gives them. */
export type SelectedSeries = {
  readonly ref: bigint | string;
  readonly name: string;
  readonly service: string;
  readonly unit: string;
  readonly type: bigint | number;
  readonly temporality: bigint | number;
  readonly monotonic: bigint | number;
  readonly bounds: string;
  readonly attributes: string;
  readonly resource: string;
  readonly scope: string;
  readonly description: string;
};

/** The series that a row holds. */
export function seriesFromRow(row: SelectedSeries): MetricSeries {
  const [temporality, monotonic] = [Number(row.temporality), Number(row.monotonic)];
  const description = decodeText(row.description);
  return {
    name: decodeText(row.name),
    unit: decodeText(row.unit),
    ...(description !== "" && { description }),
    type: memberAt(METRIC_TYPES, row.type),
    ...(temporality >= 0 && { temporality: memberAt(TEMPORALITIES, temporality) }),
    ...(monotonic >= 0 && { monotonic: monotonic === 1 }),
    ...(row.bounds !== "" && { bounds: JSON.parse(row.bounds) as number[] }),
    attributes: decodeJson(row.attributes) as Attributes,
    service: decodeText(row.service),
    resource: decodeJson(row.resource) as Attributes,
    scope: decodeJson(row.scope) as MetricSeries["scope"],
  };
}

/** The columns of a point beside its series. */
export type PointRow = {
  readonly timeNs: bigint;
  /** 0 where the source does not say. */
  readonly startNs: bigint;
  readonly value: number | null;
  readonly data: Uint8Array | null;
  readonly exemplars: string | null;
};

/**
 * Columns of a point.
 * @throws WhetstoneError `store_write_failed` when it is no point of its series
 */
export function toPointRow(point: MetricPoint): PointRow {
  const fault = pointFault(point);
  if (fault !== undefined) throw refused(point, fault);
  const { value, exemplars } = point;
  return {
    timeNs: point.timeNs,
    startNs: point.startNs ?? 0n,
    // SQLite makes no difference between 0 and −0.
    value: value.kind === "number" ? value.value + 0 : null,
    data: value.kind === "number" || value.kind === "none" ? null : encodePoint(value),
    exemplars: exemplars.length === 0 ? null : encodeJson(exemplars.map(exemplarJson)),
  };
}

function refused({ series, timeNs }: MetricPoint, fault: string): WhetstoneError {
  return new WhetstoneError("store_write_failed", `A point of the metric ${series.name} cannot be stored: ${fault}.`, {
    remedy: "Check the points before storing; the batch was not stored.",
    data: { metric: series.name, timeNs: `${timeNs}`, fault },
  });
}

const exemplarJson = (exemplar: Exemplar): Json => ({ ...exemplar, timeNs: `${exemplar.timeNs}` }) as Json;

/** A point as the queries return it: integers as the driver gives them. */
export type SelectedPoint = {
  readonly time_ns: bigint | string;
  readonly start_ns: bigint | string;
  readonly value: number | null;
  readonly data: Uint8Array | null;
  readonly exemplars: string | null;
};

/** The point that a row of `series` holds. */
export function pointFromRow(series: MetricSeries, row: SelectedPoint): MetricPoint {
  const startNs = BigInt(row.start_ns);
  return {
    series,
    timeNs: BigInt(row.time_ns),
    ...(startNs !== 0n && { startNs }),
    value: valueFromRow(series, row),
    exemplars: row.exemplars === null ? [] : (decodeJson(row.exemplars) as StoredExemplar[]).map(exemplarFromJson),
  };
}

type StoredExemplar = Omit<Exemplar, "timeNs"> & { readonly timeNs: string };

const exemplarFromJson = (exemplar: StoredExemplar): Exemplar => ({ ...exemplar, timeNs: BigInt(exemplar.timeNs) });

function valueFromRow({ type }: MetricSeries, { value, data }: SelectedPoint): PointValue {
  if (value !== null) return { kind: "number", value };
  if (data === null || type === "gauge" || type === "sum") return { kind: "none" };
  return decodePoint(type, data);
}
