import type pg from "pg";
import { TraceId } from "../model/span.ts";
import { inBatches, SPAN_BATCH } from "./batch.ts";
import { reportOf } from "./operation-report.ts";
import type { OperationReport, RollupFilter, SpanFilter, SpanStore, TracePage } from "./port.ts";
import { arrivalsOfPostgres } from "./postgres-arrivals.ts";
import { appendBatch } from "./postgres-append.ts";
import { postgresAccess, SNAPSHOT, type PostgresAccess } from "./postgres-attempt.ts";
import { postgresDocuments } from "./postgres-documents.ts";
import { withoutSecrets } from "./postgres-errors.ts";
import { postgresLogs } from "./postgres-logs.ts";
import { postgresMetrics } from "./postgres-metrics.ts";
import { openPostgresPool } from "./postgres-pool.ts";
import { compactPostgres, extentOfPostgres, prunablePostgres, prunePostgres } from "./postgres-prune.ts";
import { inTransaction, selectAll } from "./postgres-transaction.ts";
import {
  partOf,
  rangeQuery,
  ROLLUP_BATCH,
  rollupBatchQuery,
  rollupRows,
  type SelectedRollup,
} from "./queries/rollups.ts";
import type { PageRequest } from "./queries/search.ts";
import { searchSteps } from "./queries/walk.ts";
import { POSTGRES, type Query } from "./queries/sql.ts";
import { spanBatchQuery, traceQuery } from "./queries/spans.ts";
import { fewestRanges, minutesOf } from "./rollup.ts";
import { fromRows, type SelectedSpan } from "./row.ts";
import type { Store } from "./store.ts";

/**
 * Opens the store in the schema `whetstone` of a PostgreSQL database, creating or updating the schema.
 * Any number of processes may share it.
 * @throws WhetstoneError `store_open_failed`
 */
export async function openPostgresStore({ url }: { readonly url: string }): Promise<Store> {
  const name = withoutSecrets(url);
  const pool = await openPostgresPool(url, name);
  const access = postgresAccess(pool, name);
  return {
    ...writing(access),
    ...reading(access),
    documents: postgresDocuments(access),
    metrics: postgresMetrics(access),
    logs: postgresLogs(access),
    [Symbol.asyncDispose]: async () => {
      if (!pool.ended) await pool.end();
    },
  };
}

function writing({ pool, write, transact }: PostgresAccess): Pick<SpanStore, "append" | "prune" | "compact"> {
  return {
    append: async (spans) => {
      if (spans.length === 0) return { stored: 0, duplicates: 0 };
      return transact((client) => appendBatch(client, spans));
    },
    prune: (what) => transact((client) => prunePostgres(client, what)),
    compact: () => write(() => compactPostgres(pool)),
  };
}

function reading({ pool, read }: PostgresAccess) {
  const rows = <Row>(query: Query): Promise<Row[]> => read(() => selectAll<Row>(pool, query));
  const select = async (query: Query) => fromRows(await rows<SelectedSpan>(query));
  return {
    trace: async (traceId) => (TraceId.safeParse(traceId).success ? select(traceQuery(traceId, POSTGRES)) : []),
    search: (filter, page) => read(() => search(pool, filter, page)),
    spans: (filter) => inBatches(SPAN_BATCH, (last) => select(spanBatchQuery(filter, last, POSTGRES))),
    arrivals: (page) => read(() => arrivalsOfPostgres(pool, page)),
    rollups: (filter) =>
      rollupRows(inBatches(ROLLUP_BATCH, (last) => rows<SelectedRollup>(rollupBatchQuery(filter, last, POSTGRES)))),
    operations: (filter) => read(() => report(pool, filter)),
    prunable: (what) => read(() => prunablePostgres(pool, what)),
    extent: () => read(() => extentOfPostgres(pool)),
  } satisfies Partial<SpanStore>;
}

/** All queries of a search from one snapshot, so that they agree. */
async function search(pool: pg.Pool, filter: SpanFilter, page: PageRequest): Promise<TracePage> {
  return inTransaction(pool, SNAPSHOT, async (client) => {
    const steps = searchSteps({ filter, page, dialect: POSTGRES });
    let step = steps.next();
    while (!step.done) step = steps.next(await selectAll<Record<string, unknown>>(client, step.value));
    return step.value;
  });
}

async function report(pool: pg.Pool, filter: RollupFilter): Promise<OperationReport> {
  return inTransaction(pool, SNAPSHOT, async (client) => {
    const rows: SelectedRollup[][] = [];
    for (const range of fewestRanges(minutesOf(filter))) {
      rows.push(await selectAll<SelectedRollup>(client, rangeQuery(range, filter, POSTGRES)));
    }
    return reportOf(filter, rows.flat().map(partOf));
  });
}
