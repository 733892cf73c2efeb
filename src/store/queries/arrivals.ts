import { type ArrivalPlace, encodeArrival } from "../arrival-cursor.ts";
import type { Arrival } from "../port.ts";
import { fromRows, idBytes, idHex, type SelectedSpan } from "../row.ts";
import { selectSpans } from "./spans.ts";
import { POSTGRES, type Query, SQLITE } from "./sql.ts";

/** A selected span with what makes its place in the order of arrival. */
export type SelectedArrival = SelectedSpan & {
  readonly arrived: bigint | string;
  readonly trace_ref: bigint | string;
};

/** The next spans of SQLite: rows are numbered in the order of their insertion, and writers take turns. */
export function sqliteArrivalsQuery({ number }: ArrivalPlace, limit: number): Query {
  const batch = "(SELECT s.rowid AS arrived, s.* FROM spans s WHERE s.rowid > $1 ORDER BY s.rowid LIMIT $2) s";
  const sql = `${selectSpans(batch, SQLITE, "s.arrived, s.trace_ref, ")} ORDER BY s.arrived`;
  return { sql, params: [number, BigInt(limit)] };
}

/** Whether a row is the span that a place of SQLite names, and the newest row. */
export function sqlitePlaceQuery({ number }: Pick<ArrivalPlace, "number">): Query {
  const columns = "s.rowid AS arrived, s.trace_ref, s.span_id, s.kind";
  const sql = `SELECT ${columns} FROM spans s WHERE s.rowid IN ($1, (SELECT max(rowid) FROM spans))`;
  return { sql, params: [number] };
}

/** Transactions older than this have ended: what they wrote can be seen, and none of them will write any more. */
export const SETTLED = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint";

/**
 * The next spans of PostgreSQL, by transaction and key. Transactions end in another order than they begin, so only what
 * is older than every open one is read: nothing can come before it any more.
 */
export function postgresArrivalsQuery({ number, key }: ArrivalPlace, limit: number): Query {
  const [ref, span, kind] = key === "" ? ["0", "", "0"] : key.split(".");
  const after = `(s.arrived > $1 OR (s.trace_ref, s.span_id, s.kind) > ($2, $3, $4))`;
  const order = "s.arrived, s.trace_ref, s.span_id, s.kind";
  const batch = `(SELECT s.* FROM whetstone.spans s WHERE s.arrived >= $1 AND s.arrived < ${SETTLED} AND ${after}
    ORDER BY ${order} LIMIT $5) s`;
  return {
    sql: `${selectSpans(batch, POSTGRES, "s.arrived, s.trace_ref, ")} ORDER BY ${order}`,
    params: [number, BigInt(`0x${ref}`), span ? idBytes(span, 8) : new Uint8Array(0), Number(kind), limit],
  };
}

/** What identifies a span within its place: trace, span id and kind, as hexadecimal. */
export function keyOfRow({
  trace_ref,
  span_id,
  kind,
}: Pick<SelectedArrival, "trace_ref" | "span_id" | "kind">): string {
  return `${BigInt(trace_ref).toString(16)}.${idHex(span_id)}.${Number(kind)}`;
}

/** The arrivals that selected rows hold. */
export function arrivalsOf(rows: readonly SelectedArrival[], of: ArrivalPlace["of"]): readonly Arrival[] {
  const spans = fromRows(rows);
  return rows.flatMap((row, at) => {
    const span = spans[at];
    if (span === undefined) return [];
    return [{ span, cursor: encodeArrival({ of, number: BigInt(row.arrived), key: keyOfRow(row) }) }];
  });
}
