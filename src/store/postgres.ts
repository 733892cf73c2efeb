import pg from "pg";
import { WhetstoneError } from "../model/error.ts";
import { TraceId } from "../model/span.ts";
import { inBatches, SPAN_BATCH } from "./batch.ts";
import { reportOf } from "./operation-report.ts";
import type { OperationReport, RollupFilter, SpanFilter, SpanStore, TracePage } from "./port.ts";
import { appendBatch, withRetry } from "./postgres-append.ts";
import { postgresError, withoutSecrets } from "./postgres-errors.ts";
import { migratePostgres } from "./postgres-migrate.ts";
import { inTransaction } from "./postgres-transaction.ts";
import {
  partOf,
  rangeQuery,
  ROLLUP_BATCH,
  rollupBatchQuery,
  rollupRows,
  type SelectedRollup,
} from "./queries/rollups.ts";
import { pageOf, pageQuery, totalQuery, type PageRequest, type SelectedTrace } from "./queries/search.ts";
import { POSTGRES, type Query } from "./queries/sql.ts";
import { spanBatchQuery, traceQuery } from "./queries/spans.ts";
import { fewestRanges, minutesOf } from "./rollup.ts";
import { fromRows, type SelectedSpan } from "./row.ts";

/** Connections per store: one writer and a few readers. */
const MAX_CONNECTIONS = 4;

/** How long opening waits for the server; ms. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Opens the span store in the schema `whetstone` of a PostgreSQL database, creating or updating the schema.
 * Any number of processes may share it.
 * @throws WhetstoneError `store_open_failed`
 */
export async function openPostgresStore({ url }: { readonly url: string }): Promise<SpanStore> {
  const name = withoutSecrets(url);
  const pool = await openPool(url, name);
  const select = async (query: Query) =>
    reading(name, async () => fromRows((await pool.query(query.sql, [...query.params])).rows as SelectedSpan[]));
  return {
    append: async (spans) => {
      if (spans.length === 0) return { stored: 0, duplicates: 0 };
      try {
        return await withRetry(() => inTransaction(pool, "BEGIN", (client) => appendBatch(client, spans)));
      } catch (thrown) {
        throw postgresError(thrown, {
          code: "store_write_failed",
          what: `The span store ${name} could not be written, nothing of the batch was kept`,
        });
      }
    },
    trace: async (traceId) => {
      if (!TraceId.safeParse(traceId).success) return [];
      return select(traceQuery(traceId, POSTGRES));
    },
    search: (filter, page) => reading(name, () => search(pool, filter, page)),
    spans: (filter) => inBatches(SPAN_BATCH, (last) => select(spanBatchQuery(filter, last, POSTGRES))),
    rollups: (filter) => {
      const next = (query: Query) =>
        reading(name, async () => (await pool.query(query.sql, [...query.params])).rows as SelectedRollup[]);
      return rollupRows(inBatches(ROLLUP_BATCH, (last) => next(rollupBatchQuery(filter, last, POSTGRES))));
    },
    operations: (filter) => reading(name, () => report(pool, filter)),
    [Symbol.asyncDispose]: async () => {
      if (!pool.ended) await pool.end();
    },
  };
}

async function openPool(url: string, name: string): Promise<pg.Pool> {
  const pool = poolFor(url, name);
  // The pool has dropped a connection that broke while idle; the next query opens another or reports the fault.
  pool.on("error", () => undefined);
  try {
    await migratePostgres(pool, name);
    return pool;
  } catch (thrown) {
    await pool.end();
    throw postgresError(thrown, { code: "store_open_failed", what: `The span store ${name} could not be opened` });
  }
}

function poolFor(url: string, name: string): pg.Pool {
  if (URL.parse(url) === null) {
    throw new WhetstoneError("store_open_failed", `The URL ${name} cannot be read.`, {
      remedy: "Write postgres://user:password@host:port/database, with special characters percent-encoded.",
    });
  }
  return new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: "whetstone",
  });
}

async function reading<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    throw postgresError(thrown, { code: "store_read_failed", what: `The span store ${name} could not be read` });
  }
}

/** All reads of a transaction that begins so are of one moment. */
const SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/** Count and page from one snapshot, so that they agree. */
async function search(pool: pg.Pool, filter: SpanFilter, page: PageRequest): Promise<TracePage> {
  const rows = pageQuery(filter, page, POSTGRES);
  const count = totalQuery(filter, POSTGRES);
  return inTransaction(pool, SNAPSHOT, async (client) => {
    const total = Number((await client.query(count.sql, [...count.params])).rows[0]?.total);
    const found = await client.query(rows.sql, [...rows.params]);
    return pageOf(found.rows as SelectedTrace[], total, page.limit);
  });
}

async function report(pool: pg.Pool, filter: RollupFilter): Promise<OperationReport> {
  return inTransaction(pool, SNAPSHOT, async (client) => {
    const rows: (readonly SelectedRollup[])[] = [];
    for (const range of fewestRanges(minutesOf(filter))) {
      const { sql, params } = rangeQuery(range, filter, POSTGRES);
      rows.push((await client.query(sql, [...params])).rows as SelectedRollup[]);
    }
    return reportOf(filter, rows.flat().map(partOf));
  });
}
