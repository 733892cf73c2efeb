import type { DatabaseSync } from "node:sqlite";
import { resolve } from "node:path";
import { TraceId } from "../model/span.ts";
import { inBatches, SPAN_BATCH } from "./batch.ts";
import { reportOf } from "./operation-report.ts";
import type { OperationReport, RollupFilter, SpanStore, TracePage } from "./port.ts";
import {
  partOf,
  rangeQuery,
  ROLLUP_BATCH,
  rollupBatchQuery,
  rollupRows,
  type SelectedRollup,
} from "./queries/rollups.ts";
import { searchSteps, type Search } from "./queries/walk.ts";
import { SQLITE, type Query } from "./queries/sql.ts";
import { spanBatchQuery, traceQuery } from "./queries/spans.ts";
import { fewestRanges, minutesOf } from "./rollup.ts";
import { fromRows, type SelectedSpan } from "./row.ts";
import { arrivalsOfSqlite } from "./sqlite-arrivals.ts";
import { sqliteAppender } from "./sqlite-append.ts";
import { reader, refuser, writer, type Attempt } from "./sqlite-attempt.ts";
import { sqliteDocuments } from "./sqlite-documents.ts";
import { sqliteLogs } from "./sqlite-logs.ts";
import { sqliteMetrics } from "./sqlite-metrics.ts";
import { writeTurns } from "./sqlite-turns.ts";
import { extentOfSqlite, prunableSqlite, pruneSqlite } from "./sqlite-prune.ts";
import { inTransaction, selectAll } from "./sqlite-query.ts";
import { openDatabase, type SqliteOptions } from "./sqlite-open.ts";
import type { Store } from "./store.ts";

/**
 * Opens the embedded store, creating it and its folder when they are missing. Several processes may share a file:
 * WAL gives many readers and one writer at a time, and writers wait for each other.
 * @throws WhetstoneError `store_open_failed`
 */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  const path = resolve(options.path);
  const db = await openDatabase({ ...options, path });
  const turns = writeTurns();
  const write = options.readOnly === true ? refuser(path) : writer(db, path, turns);
  const read = reader(path);
  return {
    ...writing(db, write),
    ...reading(db, read),
    documents: sqliteDocuments({ db, read, write }),
    metrics: sqliteMetrics({ db, read, write }),
    logs: sqliteLogs({ db, read, write }),
    [Symbol.asyncDispose]: async () => {
      await turns.idle();
      if (db.isOpen) db.close();
    },
  };
}

function writing(db: DatabaseSync, write: Attempt): Pick<SpanStore, "append" | "prune" | "compact"> {
  let appender: ReturnType<typeof sqliteAppender> | undefined;
  return {
    append: (spans) => write(() => (appender ??= sqliteAppender(db))(spans)),
    prune: (what) => write(() => pruneSqlite(db, what)),
    compact: () => write(() => db.exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")),
  };
}

function reading(db: DatabaseSync, read: Attempt) {
  const select = (query: Query) => read(() => fromRows(selectAll(db, query) as SelectedSpan[]));
  const rollups = (query: Query) => read(() => selectAll(db, query) as SelectedRollup[]);
  return {
    trace: async (traceId) => (TraceId.safeParse(traceId).success ? select(traceQuery(traceId, SQLITE)) : []),
    search: (filter, page) => search(db, read, { filter, page }),
    spans: (filter) => inBatches(SPAN_BATCH, (last) => select(spanBatchQuery(filter, last, SQLITE))),
    arrivals: (page) => read(() => arrivalsOfSqlite(db, page)),
    rollups: (filter) => rollupRows(inBatches(ROLLUP_BATCH, (last) => rollups(rollupBatchQuery(filter, last, SQLITE)))),
    operations: (filter) => read(() => report(db, filter)),
    prunable: (what) => read(() => prunableSqlite(db, what)),
    extent: () => read(() => extentOfSqlite(db)),
  } satisfies Partial<SpanStore>;
}

/** The queries of a search, those that must agree from one snapshot; between the others the event loop has its turn. */
async function search(db: DatabaseSync, read: Attempt, asked: Pick<Search, "filter" | "page">): Promise<TracePage> {
  const steps = searchSteps({ ...asked, dialect: SQLITE });
  const together = (from: ReturnType<typeof steps.next>) => {
    let step = from;
    do step = step.done ? step : steps.next(selectAll(db, step.value));
    while (!step.done && !step.value.startsAnew);
    return step;
  };
  let step = await read(() => steps.next());
  while (!step.done) {
    const from = step;
    step = await read(() => inTransaction(db, "BEGIN", () => together(from)));
    if (!step.done) await new Promise(setImmediate);
  }
  return step.value;
}

function report(db: DatabaseSync, filter: RollupFilter): OperationReport {
  return inTransaction(db, "BEGIN", () => {
    const ranges = fewestRanges(minutesOf(filter)).values();
    const rows = ranges.flatMap((range) => selectAll(db, rangeQuery(range, filter, SQLITE)) as SelectedRollup[]);
    return reportOf(filter, rows.map(partOf));
  });
}
