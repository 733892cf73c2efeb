import type { DatabaseSync, StatementSync } from "node:sqlite";
import { resolve } from "node:path";
import { WhetstoneError } from "../model/error.ts";
import { TraceId } from "../model/span.ts";
import { inBatches, SPAN_BATCH } from "./batch.ts";
import { reportOf } from "./operation-report.ts";
import type { OperationReport, RollupFilter, SpanFilter, SpanStore, TracePage } from "./port.ts";
import {
  partOf,
  rangeQuery,
  ROLLUP_BATCH,
  rollupBatchQuery,
  rollupRows,
  type SelectedRollup,
} from "./queries/rollups.ts";
import { pageOf, pageQuery, totalQuery, type PageRequest, type SelectedTrace } from "./queries/search.ts";
import { SQLITE, type Query } from "./queries/sql.ts";
import { spanBatchQuery, traceQuery } from "./queries/spans.ts";
import { fewestRanges, minutesOf } from "./rollup.ts";
import { fromRows, type SelectedSpan } from "./row.ts";
import { sqliteAppender } from "./sqlite-append.ts";
import { sqliteError } from "./sqlite-errors.ts";
import { openDatabase, type SqliteOptions } from "./sqlite-open.ts";

/**
 * Opens the embedded span store, creating it and its folder when they are missing. Several processes may share a file:
 * WAL gives many readers and one writer at a time, and writers wait for each other.
 * @throws WhetstoneError `store_open_failed`
 */
export async function openSqliteStore(options: SqliteOptions): Promise<SpanStore> {
  const path = resolve(options.path);
  const db = await openDatabase({ ...options, path });
  const appendNow = options.readOnly === true ? refuseToWrite(path) : sqliteAppender(db);
  const reading = async <T>(read: () => T): Promise<T> => {
    try {
      return read();
    } catch (thrown) {
      throw sqliteError(thrown, { code: "store_read_failed", what: `The span store ${path} could not be read` });
    }
  };
  const selectRollups = (query: Query) => reading(() => all(db, query) as SelectedRollup[]);
  const select = (query: Query) => reading(() => fromRows(all(db, query) as SelectedSpan[]));
  return {
    append: async (spans) => {
      try {
        return appendNow(spans);
      } catch (thrown) {
        throw sqliteError(thrown, {
          code: "store_write_failed",
          what: `The span store ${path} could not be written, nothing of the batch was kept`,
        });
      }
    },
    trace: async (traceId) => {
      if (!TraceId.safeParse(traceId).success) return [];
      return select(traceQuery(traceId, SQLITE));
    },
    search: (filter, page) => reading(() => search(db, filter, page)),
    spans: (filter) => inBatches(SPAN_BATCH, (last) => select(spanBatchQuery(filter, last, SQLITE))),
    rollups: (filter) =>
      rollupRows(inBatches(ROLLUP_BATCH, (last) => selectRollups(rollupBatchQuery(filter, last, SQLITE)))),
    operations: (filter) => reading(() => report(db, filter)),
    [Symbol.asyncDispose]: async () => {
      if (db.isOpen) db.close();
    },
  };
}

const refuseToWrite = (path: string) => (): never => {
  throw new WhetstoneError("store_write_failed", `The span store ${path} was opened for reading only.`, {
    remedy: "Open it for writing to store spans.",
  });
};

/** Count and page from one snapshot, so that they agree. */
function search(db: DatabaseSync, filter: SpanFilter, page: PageRequest): TracePage {
  const rows = pageQuery(filter, page, SQLITE);
  const count = totalQuery(filter, SQLITE);
  return inSnapshot(db, () => {
    const total = Number(all(db, count)[0]?.["total"]);
    return pageOf(all(db, rows) as SelectedTrace[], total, page.limit);
  });
}

function report(db: DatabaseSync, filter: RollupFilter): OperationReport {
  return inSnapshot(db, () => {
    const ranges = fewestRanges(minutesOf(filter)).values();
    const rows = ranges.flatMap((range) => all(db, rangeQuery(range, filter, SQLITE)) as SelectedRollup[]);
    return reportOf(filter, rows.map(partOf));
  });
}

/** What `read` selects is of one moment, whatever is written meanwhile. */
function inSnapshot<T>(db: DatabaseSync, read: () => T): T {
  db.exec("BEGIN");
  try {
    return read();
  } finally {
    db.exec("COMMIT");
  }
}

function all(db: DatabaseSync, { sql, params }: Query): Record<string, unknown>[] {
  const statement: StatementSync = db.prepare(sql);
  statement.setReadBigInts(true);
  return statement.all(Object.fromEntries(params.map((value, index) => [`$${index + 1}`, value])));
}
