import type pg from "pg";
import type { MetricPoint } from "../model/metric.ts";
import { internKey } from "./intern.ts";
import type { MetricStore } from "./metric-port.ts";
import { queryFrom } from "./metric-query.ts";
import { listFrom, pointsFrom } from "./metric-reader.ts";
import { sharedText, toPointRow, toSeriesRow, type PointRow } from "./metric-row.ts";
import { metricReader, SERIES_COLUMNS, SERIES_IDENTIFYING, seriesValues } from "./metric-rows.ts";
import type { PostgresAccess } from "./postgres-attempt.ts";
import { internAll, RESOURCES, SCOPES } from "./postgres-intern.ts";
import { selectAll } from "./postgres-transaction.ts";
import { oldestPointQuery, prunablePointsQuery, prunePointsQuery, windowOf } from "./queries/metrics.ts";
import { POSTGRES, type Query, type SqlValue } from "./queries/sql.ts";

/** The metrics of a PostgreSQL store. */
export function postgresMetrics({ pool, read, transact }: PostgresAccess): MetricStore {
  const reader = metricReader((query) => read(() => selectAll(pool, query)), POSTGRES);
  const one = async (query: Query) => (await read(() => selectAll<Record<string, string | null>>(pool, query)))[0];
  return {
    append: async (points) => {
      if (points.length === 0) return { stored: 0, duplicates: 0 };
      const stored = await transact((client) => appendPoints(client, points));
      return { stored, duplicates: points.length - stored };
    },
    list: (filter, page) => listFrom(reader, filter, page),
    query: (query) => queryFrom(reader, query),
    points: (filter) => pointsFrom(reader, filter, windowOf(filter)),
    prune: (beforeNs) =>
      transact(async (client) => {
        const { sql, params } = prunePointsQuery(beforeNs, POSTGRES);
        return (await client.query(sql, [...params])).rowCount ?? 0;
      }),
    prunable: async (beforeNs) => Number((await one(prunablePointsQuery(beforeNs, POSTGRES)))?.["n"]),
    oldestNs: async () => {
      const oldest = (await one(oldestPointQuery(POSTGRES)))?.["oldest"];
      return oldest === null || oldest === undefined ? undefined : BigInt(oldest);
    },
  };
}

const SERIES = { name: "whetstone.metric_series", columns: SERIES_COLUMNS, identifying: SERIES_IDENTIFYING };

type Referring = { readonly ref: string; readonly row: PointRow };

type Column = readonly [name: string, type: string, value: (point: Referring) => SqlValue];

const COLUMNS: readonly Column[] = [
  ["series_ref", "bigint", ({ ref }) => ref],
  ["time_ns", "bigint", ({ row }) => row.timeNs],
  ["start_ns", "bigint", ({ row }) => row.startNs],
  ["value", "double precision", ({ row }) => row.value],
  ["data", "bytea", ({ row }) => row.data],
  ["exemplars", "text", ({ row }) => row.exemplars],
];

/** Points per INSERT: bounds the size of one statement. */
const ROWS_PER_INSERT = 5_000;

// Rows in one order: two writers that repeat the same points cannot wait for each other.
const INSERT = `INSERT INTO whetstone.metric_points (${COLUMNS.map(([name]) => name).join(", ")})
  SELECT * FROM unnest(${COLUMNS.map(([, type], at) => `$${at + 1}::${type}[]`).join(", ")}) ORDER BY 1, 2, 3
  ON CONFLICT DO NOTHING`;

/** Writes a batch inside the transaction of `client`; returns how many points were new. */
async function appendPoints(client: pg.PoolClient, points: readonly MetricPoint[]): Promise<number> {
  const text = sharedText();
  const encoded = points.map((point) => ({ row: toPointRow(point), series: toSeriesRow(point.series, text) }));
  const ownOf = (name: "resource" | "scope") => encoded.map(({ series }) => [series[name]]);
  const resources = await internAll(client, RESOURCES, ownOf("resource"));
  const scopes = await internAll(client, SCOPES, ownOf("scope"));
  const values = encoded.map(({ series }) =>
    seriesValues(series, { resource: resources.get(series.resource) ?? "", scope: scopes.get(series.scope) ?? "" }),
  );
  const refs = await internAll(client, SERIES, values);
  const rows = encoded.map(({ row }, at) => ({
    row,
    ref: refs.get(internKey(values[at]?.slice(0, SERIES_IDENTIFYING) ?? []).text) ?? "",
  }));
  let stored = 0;
  for (let at = 0; at < rows.length; at += ROWS_PER_INSERT) {
    const part = rows.slice(at, at + ROWS_PER_INSERT);
    stored +=
      (
        await client.query(
          INSERT,
          COLUMNS.map(([, , value]) => part.map(value)),
        )
      ).rowCount ?? 0;
  }
  return stored;
}
