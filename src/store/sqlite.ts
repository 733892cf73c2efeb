import type { DatabaseSync } from "node:sqlite";
import { resolve } from "node:path";
import { WhetstoneError } from "../model/error.ts";
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
import { sqliteAppender } from "./sqlite-append.ts";
import { sqliteError } from "./sqlite-errors.ts";
import { writeTurns } from "./sqlite-turns.ts";
import { extentOfSqlite, prunableSqlite, pruneSqlite } from "./sqlite-prune.ts";
import { inTransaction, selectAll } from "./sqlite-query.ts";
import { openDatabase, withoutWaiting, type SqliteOptions } from "./sqlite-open.ts";

/**
 * Opens the embedded span store, creating it and its folder when they are missing. Several processes may share a file:
 * WAL gives many readers and one writer at a time, and writers wait for each other.
 * @throws WhetstoneError `store_open_failed`
 */
export async function openSqliteStore(options: SqliteOptions): Promise<SpanStore> {
  const path = resolve(options.path);
  const db = await openDatabase({ ...options, path });
  const turns = writeTurns();
  const write = options.readOnly === true ? async () => Promise.reject(writeRefused(path)) : writer(db, path, turns);
  return {
    ...writing(db, write),
    ...reading(db, reader(path)),
    [Symbol.asyncDispose]: async () => {
      await turns.idle();
      if (db.isOpen) db.close();
    },
  };
}

/** Runs a read or a write so that a failure says what was being done. */
type Attempt = <T>(work: () => T) => Promise<T>;

const reader =
  (path: string): Attempt =>
  async (work) => {
    try {
      return work();
    } catch (thrown) {
      throw sqliteError(thrown, { code: "store_read_failed", what: `The span store ${path} could not be read` });
    }
  };

const writer =
  (db: DatabaseSync, path: string, turns: ReturnType<typeof writeTurns>): Attempt =>
  async (work) => {
    try {
      return await turns.take(() => withoutWaiting(db, work));
    } catch (thrown) {
      const what = `The span store ${path} could not be written, nothing of this was kept`;
      throw sqliteError(thrown, { code: "store_write_failed", what });
    }
  };

const writeRefused = (path: string): WhetstoneError =>
  new WhetstoneError("store_write_failed", `The span store ${path} was opened for reading only.`, {
    remedy: "Open it for writing.",
  });

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
