import { inBatches } from "./batch.ts";
import type { MetricFilter } from "./metric-port.ts";
import type { MetricReader, Stream } from "./metric-reader.ts";
import { pointFromRow, seriesFromRow, type SelectedPoint, type SelectedSeries, type SeriesRow } from "./metric-row.ts";
import {
  neighbourQuery,
  POINT_BATCH,
  pointQuery,
  SERIES_BATCH,
  streamQuery,
  type SelectedStream,
} from "./queries/metrics.ts";
import type { Dialect, Query } from "./queries/sql.ts";

/** Columns of a series in the order of {@link seriesValues}, with PostgreSQL's types; all but the last identify it. */
export const SERIES_COLUMNS = [
  ["name", "text"],
  ["service", "text"],
  ["unit", "text"],
  ["type", "smallint"],
  ["temporality", "smallint"],
  ["monotonic", "smallint"],
  ["bounds", "text"],
  ["attributes", "text"],
  ["resource_ref", "bigint"],
  ["scope_ref", "bigint"],
  ["description", "text"],
] as const;

/** How many of them identify a series. */
export const SERIES_IDENTIFYING = SERIES_COLUMNS.length - 1;

/** A series as it is interned. */
export const seriesValues = (row: SeriesRow, refs: { resource: string; scope: string }): (string | number)[] => [
  row.name,
  row.service,
  row.unit,
  row.type,
  row.temporality,
  row.monotonic,
  row.bounds,
  row.attributes,
  refs.resource,
  refs.scope,
  row.description,
];

/** Runs a query on a database. */
export type Select = (query: Query) => Promise<readonly unknown[]>;

/** Reads metrics by queries. */
export function metricReader(select: Select, dialect: Dialect): MetricReader<SelectedSeries["ref"]> {
  const neighbour = async (ref: SelectedSeries["ref"], place: { ns: bigint; side: "before" | "from" }) => {
    const [row] = (await select(neighbourQuery(ref, place, dialect))) as { time_ns: bigint | string | null }[];
    return row === undefined || row.time_ns === null ? undefined : BigInt(row.time_ns);
  };
  return {
    streams: async function* (filter: MetricFilter) {
      const next = async (last: SelectedStream | undefined) =>
        (await select(streamQuery(filter, last, dialect))) as SelectedStream[];
      for await (const rows of inBatches(SERIES_BATCH, next)) yield rows.flatMap(streamOf);
    },
    pointsOf: async function* ({ ref, series }, window) {
      const next = async (last: SelectedPoint | undefined) =>
        (await select(pointQuery(ref, window, { last, dialect }))) as SelectedPoint[];
      for await (const rows of inBatches(POINT_BATCH, next)) yield rows.map((row) => pointFromRow(series, row));
    },
    timeBefore: ({ ref }, ns) => neighbour(ref, { ns, side: "before" }),
    timeFrom: ({ ref }, ns) => neighbour(ref, { ns, side: "from" }),
  };
}

function streamOf(row: SelectedStream): Stream<SelectedSeries["ref"]>[] {
  if (row.first_ns === null || row.last_ns === null) return [];
  const { ref, first_ns: firstNs, last_ns: lastNs } = row;
  return [{ ref, series: seriesFromRow(row), firstNs: BigInt(firstNs), lastNs: BigInt(lastNs) }];
}
