import type { DatabaseSync } from "node:sqlite";
import type { MetricPoint } from "../model/metric.ts";
import type { MetricStore } from "./metric-port.ts";
import { queryFrom } from "./metric-query.ts";
import { listFrom, pointsFrom } from "./metric-reader.ts";
import { sharedText, toPointRow, toSeriesRow } from "./metric-row.ts";
import { metricReader, SERIES_COLUMNS, SERIES_IDENTIFYING, seriesValues } from "./metric-rows.ts";
import type { AppendResult } from "./port.ts";
import { oldestPointQuery, prunablePointsQuery, prunePointsQuery, windowOf } from "./queries/metrics.ts";
import { SQLITE, type Query } from "./queries/sql.ts";
import type { SqliteAccess } from "./sqlite-attempt.ts";
import { internTable, sqliteInterner } from "./sqlite-intern.ts";
import { inTransaction, named, selectAll } from "./sqlite-query.ts";

/** The metrics of a SQLite store. */
export function sqliteMetrics({ db, read, write }: SqliteAccess): MetricStore {
  let appender: ReturnType<typeof pointAppender> | undefined;
  const select = async (query: Query) => {
    const rows = await read(() => selectAll(db, query));
    // Between two queries of a long answer the event loop has its turn.
    await new Promise(setImmediate);
    return rows;
  };
  const reader = metricReader(select, SQLITE);
  const one = (query: Query) => read(() => selectAll(db, query)[0]);
  return {
    append: (points) => write(() => (appender ??= pointAppender(db))(points)),
    list: (filter, page) => listFrom(reader, filter, page),
    query: (query) => queryFrom(reader, query),
    points: (filter) => pointsFrom(reader, filter, windowOf(filter)),
    prune: (beforeNs) =>
      write(() => {
        const { sql, params } = prunePointsQuery(beforeNs, SQLITE);
        return inTransaction(db, "BEGIN IMMEDIATE", () => Number(db.prepare(sql).run(named(params)).changes));
      }),
    prunable: async (beforeNs) => Number((await one(prunablePointsQuery(beforeNs, SQLITE)))?.["n"]),
    oldestNs: async () => {
      const oldest = (await one(oldestPointQuery(SQLITE)))?.["oldest"] as bigint | null;
      return oldest ?? undefined;
    },
  };
}

/** Appends a batch in one transaction; throws what SQLite throws, with nothing kept. */
function pointAppender(db: DatabaseSync): (points: readonly MetricPoint[]) => AppendResult {
  const shared = sqliteInterner(db);
  const columns = SERIES_COLUMNS.map(([name]) => name);
  const series = internTable(db, "metric_series", { columns, identifying: SERIES_IDENTIFYING });
  const insert = db.prepare(
    "INSERT INTO metric_points (series_ref, time_ns, start_ns, value, data, exemplars) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const append = (points: readonly MetricPoint[]): number => {
    const text = sharedText();
    let stored = 0;
    for (const point of points) {
      const row = toPointRow(point);
      const own = toSeriesRow(point.series, text);
      const refs = { resource: `${shared.resource(own.resource)}`, scope: `${shared.scope(own.scope)}` };
      const ref = series.ref(seriesValues(own, refs));
      stored += Number(insert.run(ref, row.timeNs, row.startNs, row.value, row.data, row.exemplars).changes);
    }
    return stored;
  };
  return (points) => {
    if (points.length === 0) return { stored: 0, duplicates: 0 };
    try {
      const stored = inTransaction(db, "BEGIN IMMEDIATE", () => append(points));
      return { stored, duplicates: points.length - stored };
    } catch (thrown) {
      shared.forget();
      series.refs.clear();
      throw thrown;
    }
  };
}
