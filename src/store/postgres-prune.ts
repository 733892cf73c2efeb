import type pg from "pg";
import type { Prunable, PruneCount, StoreExtent } from "./port.ts";
import { selectAll } from "./postgres-transaction.ts";
import {
  countOf,
  countQuery,
  deleteRollups,
  oldestOf,
  oldestQuery,
  prunableTraces,
  tracesOfStep,
  type SelectedCount,
  type SelectedPrunable,
} from "./queries/prune.ts";
import { POSTGRES } from "./queries/sql.ts";

const TABLES = [
  "spans",
  "traces",
  "rollups",
  "operations",
  "resources",
  "scopes",
  "error_types",
  "documents",
  "metric_series",
  "metric_points",
  "log_streams",
  "logs",
];

/** Removes one step inside the transaction of `client`. */
export async function prunePostgres(client: pg.PoolClient, what: Prunable): Promise<PruneCount> {
  if (what.kind === "rollups") {
    const { sql, params } = deleteRollups(what, POSTGRES);
    return { traces: 0, spans: 0, rows: (await client.query(sql, [...params])).rowCount ?? 0 };
  }
  const { sql, params } = prunableTraces(what, POSTGRES);
  // Traces that somebody writes to are left for the next step.
  const found = await selectAll<SelectedPrunable>(client, { sql: `${sql} FOR UPDATE SKIP LOCKED`, params });
  const refs = tracesOfStep(found, what).map(({ ref }) => ref);
  const spans = await client.query("DELETE FROM whetstone.spans WHERE trace_ref = ANY($1)", [refs]);
  await client.query("DELETE FROM whetstone.traces WHERE ref = ANY($1)", [refs]);
  return { traces: refs.length, spans: spans.rowCount ?? 0, rows: 0 };
}

/** Everything that can be removed. */
export async function prunablePostgres(pool: pg.Pool, what: Prunable): Promise<PruneCount> {
  const [row] = await selectAll<SelectedCount>(pool, countQuery(what, POSTGRES));
  return countOf(row ?? { traces: 0, spans: 0, n: 0 });
}

/** Size of the tables, free space in them included: only a full scan could tell it apart. */
export async function extentOfPostgres(pool: pg.Pool): Promise<StoreExtent> {
  const sizes = TABLES.map((table) => `pg_total_relation_size('whetstone.${table}')`);
  const [row] = await selectAll<{ bytes: string }>(pool, { sql: `SELECT ${sizes.join(" + ")} AS bytes`, params: [] });
  const plain = await selectAll(pool, oldestQuery("plain", POSTGRES));
  const error = await selectAll(pool, oldestQuery("error", POSTGRES));
  return { bytes: Number(row?.bytes), oldestNs: oldestOf({ plain, error }) };
}

/** Makes the space of removed rows usable again; it stays with the tables. */
export async function compactPostgres(pool: pg.Pool): Promise<void> {
  await pool.query(`VACUUM ${TABLES.map((table) => `whetstone.${table}`).join(", ")}`);
}
