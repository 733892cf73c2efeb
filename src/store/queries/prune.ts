import { inRange } from "../cursor.ts";
import type { Prunable, PruneCount, PruneKind, StoreExtent } from "../port.ts";
import { hourOf } from "../rollup.ts";
import type { Dialect, Query } from "./sql.ts";

/** Traces that one step looks at, and spans or rows that it removes: what keeps its transaction short. */
export const PRUNE_STEP = { traces: 500, rows: 2_000 } as const;

/** Integers as the driver gives them. */
export type SelectedPrunable = { readonly ref: bigint | string; readonly spans: bigint | string };

/** As the expression of the index on it, compared: SQLite takes it from there in no other form. */
const isError = (kind: PruneKind): string => `(errors > 0) = ${kind === "error" ? "TRUE" : "FALSE"}`;

function traceCondition({ kind, beforeNs }: Prunable): { readonly where: string; readonly params: readonly bigint[] } {
  // The second bound keeps a trace whose spans still arrive; only the first can be answered from the index.
  return { where: `${isError(kind)} AND start_ns < $1 AND end_ns < $1`, params: [inRange(beforeNs)] };
}

/** Oldest traces that can be removed. */
export function prunableTraces(what: Prunable, { schema }: Dialect): Query {
  const { where, params } = traceCondition(what);
  const sql = `SELECT ref, spans FROM ${schema}traces WHERE ${where} ORDER BY start_ns LIMIT ${PRUNE_STEP.traces}`;
  return { sql, params };
}

/** As many of the oldest traces as one step removes: at least one, and beyond that no more spans than it may. */
export function tracesOfStep<Row extends SelectedPrunable>(rows: readonly Row[], what: Prunable): readonly Row[] {
  const most = Math.min(what.spans ?? PRUNE_STEP.rows, PRUNE_STEP.rows);
  let spans = 0;
  const beyond = rows.findIndex((row, at) => (spans += Number(row.spans)) > most && at > 0);
  return beyond < 0 ? rows : rows.slice(0, beyond);
}

function rollupCondition({ beforeNs }: Prunable): { readonly where: string; readonly params: readonly bigint[] } {
  const hour = BigInt(hourOf(inRange(beforeNs)));
  // Both widths end at the same hour, so that what is left of either says the same.
  return { where: "((width = 60 AND slot < $1) OR (width = 3600 AND slot < $2))", params: [hour * 60n, hour] };
}

const KEY = "width, slot, operation_ref, status, error_ref";

/** Removes the rollups of one step. */
export function deleteRollups(what: Prunable, { schema }: Dialect): Query {
  const { where, params } = rollupCondition(what);
  const some = `SELECT ${KEY} FROM ${schema}rollups WHERE ${where} LIMIT ${PRUNE_STEP.rows}`;
  return { sql: `DELETE FROM ${schema}rollups WHERE (${KEY}) IN (${some})`, params };
}

/** Counts everything that can be removed as {@link SelectedCount}. */
export function countQuery(what: Prunable, { schema }: Dialect): Query {
  if (what.kind === "rollups") {
    const { where, params } = rollupCondition(what);
    return { sql: `SELECT 0 AS traces, 0 AS spans, count(*) AS n FROM ${schema}rollups WHERE ${where}`, params };
  }
  const { where, params } = traceCondition(what);
  const sums = "count(*) AS traces, coalesce(sum(spans), 0) AS spans, 0 AS n";
  return { sql: `SELECT ${sums} FROM ${schema}traces WHERE ${where}`, params };
}

/** Row of {@link countQuery}. */
export type SelectedCount = Readonly<Record<"traces" | "spans" | "n", bigint | string | number>>;

/** The count that a row holds. */
export const countOf = (row: SelectedCount): PruneCount => ({
  traces: Number(row.traces),
  spans: Number(row.spans),
  rows: Number(row.n),
});

/** Start of the oldest trace of a kind as `oldest`, NULL where there is none. */
export function oldestQuery(kind: "plain" | "error", { schema }: Dialect): Query {
  return { sql: `SELECT min(start_ns) AS oldest FROM ${schema}traces WHERE ${isError(kind)}`, params: [] };
}

/** The oldest traces from the rows of {@link oldestQuery}. */
export function oldestOf(rows: Readonly<Record<"plain" | "error", readonly unknown[]>>): StoreExtent["oldestNs"] {
  const of = (kind: "plain" | "error"): { [kind]?: bigint } => {
    const [row] = rows[kind] as readonly { readonly oldest: bigint | string | null }[];
    return row === undefined || row.oldest === null ? {} : { [kind]: BigInt(row.oldest) };
  };
  return { ...of("plain"), ...of("error") };
}
