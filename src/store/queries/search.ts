import { checkLimit, decodeCursor, encodeCursor } from "../cursor.ts";
import type { SpanFilter, TracePage } from "../port.ts";
import { idBytes, idHex } from "../row.ts";
import { selectTraces, totalsFromRow, type TraceRow } from "../trace-row.ts";
import { summaryOf } from "../trace-totals.ts";
import { spanConditions } from "./filter.ts";
import { binder, whereClause, type Binder, type Dialect, type Query } from "./sql.ts";

/** What a caller asks of a search: at most `limit` traces after `cursor`. */
export type PageRequest = { readonly limit: number; readonly cursor?: string };

/** Row of {@link pageQuery}. */
export type SelectedTrace = TraceRow & { readonly id: Uint8Array };

/** Counts all matching traces as `total`. */
export function totalQuery(filter: SpanFilter, dialect: Dialect): Query {
  const binding = binder();
  const where = matchConditions(filter, dialect, binding);
  const sql = `SELECT count(*) AS total FROM ${dialect.schema}traces t${whereClause(where)}`;
  return { sql, params: binding.params };
}

/**
 * One page of matching traces by (start descending, id), with one row more than asked for when there is a next page.
 * @throws WhetstoneError `usage` for a bad limit or cursor.
 */
export function pageQuery(filter: SpanFilter, page: PageRequest, dialect: Dialect): Query {
  checkLimit(page.limit);
  const { bind, params } = binder();
  const where = [...matchConditions(filter, dialect, { bind, params }), ...afterCursor(page.cursor, bind)];
  const sql = `${selectTraces(dialect.schema)}${whereClause(where)}
    ORDER BY t.start_ns DESC, t.id LIMIT ${page.limit + 1}`;
  return { sql, params };
}

function matchConditions(filter: SpanFilter, dialect: Dialect, binding: Binder): readonly string[] {
  const conditions = spanConditions(filter, dialect, binding);
  if (conditions.length === 0) return [];
  return [`t.ref IN (SELECT s.trace_ref FROM ${dialect.schema}spans s WHERE ${conditions.join(" AND ")})`];
}

/** Conditions on `traces t` that hold after a cursor. */
export function afterCursor(cursor: string | undefined, bind: Binder["bind"]): readonly string[] {
  if (cursor === undefined) return [];
  const { startNs, traceId } = decodeCursor(cursor);
  const start = bind(startNs);
  return [`t.start_ns <= ${start}`, `(t.start_ns < ${start} OR t.id > ${bind(idBytes(traceId, 16))})`];
}

/** The page that `limit` of the rows make, with the total where it is known. */
export function pageOf(rows: readonly SelectedTrace[], total: number | undefined, limit: number): TracePage {
  const traces = rows.slice(0, limit).map((row) => summaryOf(idHex(row.id), totalsFromRow(row)));
  const last = traces.at(-1);
  const more = last !== undefined && rows.length > limit;
  return { traces, ...(total === undefined ? {} : { total }), ...(more ? { nextCursor: encodeCursor(last) } : {}) };
}
