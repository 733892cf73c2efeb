import { METRIC_TYPES } from "../../model/metric.ts";
import { INT64, inRange } from "../cursor.ts";
import type { MetricFilter } from "../metric-port.ts";
import type { SelectedPoint, SelectedSeries } from "../metric-row.ts";
import { encodeText } from "../text.ts";
import { attributeCondition } from "./filter.ts";
import { binder, whereClause, type Dialect, type Query } from "./sql.ts";

/** Series and points per query: what a reader holds at once, and how long a query holds an embedded store up. */
export const SERIES_BATCH = 500;
export const POINT_BATCH = 1_000;

/** Points from when to when; ns since the Unix epoch, inclusive and exclusive. */
export type PointWindow = { readonly sinceNs: bigint; readonly untilNs: bigint };

/** The window of a filter; all time where it names none. */
export function windowOf({ sinceNs, untilNs }: MetricFilter): PointWindow {
  return { sinceNs: inRange(sinceNs ?? INT64.min), untilNs: inRange(untilNs ?? INT64.max) };
}

/** A series with the times of its first and last point in the window; null without one. */
export type SelectedStream = SelectedSeries & {
  readonly first_ns: bigint | string | null;
  readonly last_ns: bigint | string | null;
};

const SERIES = `s.ref, s.name, s.service, s.unit, s.type, s.temporality, s.monotonic, s.bounds, s.attributes,
  s.description, r.attributes AS resource, c.scope`;

/** The next {@link SERIES_BATCH} series after `last` by ref, as {@link SelectedStream}. */
export function streamQuery(filter: MetricFilter, last: SelectedStream | undefined, dialect: Dialect): Query {
  const binding = binder();
  const { bind, params } = binding;
  const { schema } = dialect;
  const { sinceNs, untilNs } = windowOf(filter);
  const points = `FROM ${schema}metric_points p WHERE p.series_ref = s.ref
    AND p.time_ns >= ${bind(sinceNs)} AND p.time_ns < ${bind(untilNs)}`;
  const where = [
    ...(last === undefined ? [] : [`s.ref > ${bind(BigInt(last.ref))}`]),
    ...(filter.name === undefined ? [] : [`s.name = ${bind(encodeText(filter.name))}`]),
    ...(filter.service === undefined ? [] : [`s.service = ${bind(encodeText(filter.service))}`]),
    ...(filter.unit === undefined ? [] : [`s.unit = ${bind(encodeText(filter.unit))}`]),
    ...(filter.type === undefined ? [] : [`s.type = ${bind(METRIC_TYPES.indexOf(filter.type))}`]),
    ...Object.entries(filter.attributes ?? {}).map(([key, text]) =>
      attributeCondition({ key, text }, dialect, binding),
    ),
  ];
  const sql = `SELECT ${SERIES}, (SELECT min(p.time_ns) ${points}) AS first_ns,
      (SELECT max(p.time_ns) ${points}) AS last_ns
    FROM ${schema}metric_series s JOIN ${schema}resources r ON r.ref = s.resource_ref
    JOIN ${schema}scopes c ON c.ref = s.scope_ref${whereClause(where)} ORDER BY s.ref LIMIT ${SERIES_BATCH}`;
  return { sql, params };
}

/** The next {@link POINT_BATCH} points of a series after `last`, by time and start, as {@link SelectedPoint}. */
export function pointQuery(
  ref: SelectedSeries["ref"],
  { sinceNs, untilNs }: PointWindow,
  { last, dialect }: { last: SelectedPoint | undefined; dialect: Dialect },
): Query {
  const { bind, params } = binder();
  const where = [
    `p.series_ref = ${bind(BigInt(ref))}`,
    `p.time_ns < ${bind(untilNs)}`,
    last === undefined
      ? `p.time_ns >= ${bind(sinceNs)}`
      : `(p.time_ns, p.start_ns) > (${bind(BigInt(last.time_ns))}, ${bind(BigInt(last.start_ns))})`,
  ];
  const sql = `SELECT p.time_ns, p.start_ns, p.value, p.data, p.exemplars
    FROM ${dialect.schema}metric_points p${whereClause(where)} ORDER BY p.time_ns, p.start_ns LIMIT ${POINT_BATCH}`;
  return { sql, params };
}

/** Time of the last point of a series before `ns`, or of the first one from it on, as `time_ns`; null without one. */
export function neighbourQuery(
  ref: SelectedSeries["ref"],
  { ns, side }: { ns: bigint; side: "before" | "from" },
  { schema }: Dialect,
): Query {
  const [pick, where] = side === "before" ? ["max", "time_ns < $2"] : ["min", "time_ns >= $2"];
  const sql = `SELECT ${pick}(time_ns) AS time_ns FROM ${schema}metric_points WHERE series_ref = $1 AND ${where}`;
  return { sql, params: [BigInt(ref), inRange(ns)] };
}

/** Points that one step of retention removes: what keeps its transaction short. */
const PRUNE_STEP = 5_000;

/** Removes the points of one step; walks the series, as only they have an index on time. */
export function prunePointsQuery(beforeNs: bigint, { schema }: Dialect): Query {
  const some = `SELECT p.series_ref, p.time_ns, p.start_ns ${prunable(schema)} LIMIT ${PRUNE_STEP}`;
  const sql = `DELETE FROM ${schema}metric_points WHERE (series_ref, time_ns, start_ns) IN (${some})`;
  return { sql, params: [inRange(beforeNs)] };
}

/** Counts all points that can be removed as `n`. */
export function prunablePointsQuery(beforeNs: bigint, { schema }: Dialect): Query {
  return { sql: `SELECT count(*) AS n ${prunable(schema)}`, params: [inRange(beforeNs)] };
}

const prunable = (schema: string): string =>
  `FROM ${schema}metric_series s CROSS JOIN ${schema}metric_points p WHERE p.series_ref = s.ref AND p.time_ns < $1`;

/** Time of the oldest point as `oldest`, null where there is none. */
export function oldestPointQuery({ schema }: Dialect): Query {
  const first = `SELECT min(p.time_ns) FROM ${schema}metric_points p WHERE p.series_ref = s.ref`;
  return { sql: `SELECT min((${first})) AS oldest FROM ${schema}metric_series s`, params: [] };
}
