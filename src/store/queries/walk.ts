import type { SpanFilter, TracePage } from "../port.ts";
import { checkLimit, encodeCursor, inRange } from "../cursor.ts";
import { idHex } from "../row.ts";
import { selectTraces } from "../trace-row.ts";
import { indexedConditions, spanConditions, wholeNs } from "./filter.ts";
import { afterCursor, pageOf, pageQuery, totalQuery, type PageRequest, type SelectedTrace } from "./search.ts";
import { binder, whereClause, type Binder, type Dialect, type Query } from "./sql.ts";

/** What a search may spend before it goes another way. */
export type SearchEffort = {
  /** Most spans, found by an index, that are looked at one by one. */
  readonly candidates: number;
  /** Traces that the first stretch of a walk looks at; each further one twice as many, up to the longest. */
  readonly stretch: number;
  readonly longest: number;
};

const EFFORT: SearchEffort = { candidates: 5_000, stretch: 2_000, longest: 8_000 };

/** A query of a search; before one that starts anew others may have their turn, and it may see what they wrote. */
export type SearchQuery = Query & { readonly startsAnew?: boolean };

/** What is asked, and in which dialect. */
export type Search = { readonly filter: SpanFilter; readonly page: PageRequest; readonly dialect: Dialect };
type Rows = readonly Record<string, unknown>[];

/**
 * A trace search as queries: yields each, wants its rows (of one snapshot up to one that starts anew), returns the page. Where an index leaves
 * few spans, these are looked at and counted. Where it leaves many, the newest traces are looked at one after the other
 * until the page is full: dense matches are found at once, and rare ones cost what looking at all spans does.
 */
export function* searchSteps(search: Search, effort = EFFORT): Generator<SearchQuery, TracePage, Rows> {
  const { filter, page, dialect } = search;
  checkLimit(page.limit);
  const isEverything = spanConditions(filter, dialect, binder()).length === 0;
  const [candidates] = isEverything ? [] : yield candidateQuery(filter, effort.candidates, dialect);
  if (isEverything || Number(candidates?.["n"]) <= effort.candidates) {
    const [counted] = yield totalQuery(filter, dialect);
    const rows = (yield pageQuery(filter, page, dialect)) as readonly SelectedTrace[];
    return pageOf(rows, Number(counted?.["total"]), page.limit);
  }
  return yield* walk(search, effort);
}

function* walk(search: Search, effort: SearchEffort): Generator<SearchQuery, TracePage, Rows> {
  const { limit, cursor } = search.page;
  const found: SelectedTrace[] = [];
  let after = cursor;
  for (let { stretch } = effort; ; stretch = Math.min(stretch * 2, effort.longest)) {
    const part = {
      ...search,
      page: { limit: limit - found.length, ...(after === undefined ? {} : { cursor: after }) },
    };
    found.push(...((yield { ...stretchQuery(part, stretch), startsAnew: true }) as readonly SelectedTrace[]));
    if (found.length > limit) return pageOf(found, undefined, limit);
    const [end] = (yield stretchEndQuery(part, stretch)) as readonly SelectedTrace[];
    // All that match were found; with a cursor those before it are not known.
    if (end === undefined) return pageOf(found, cursor === undefined ? found.length : undefined, limit);
    after = encodeCursor({ startNs: BigInt(end.start_ns), traceId: idHex(end.id) });
  }
}

/** Counts the spans that an index leaves, up to one more than `most`. */
export function candidateQuery(filter: SpanFilter, most: number, dialect: Dialect): Query {
  const { bind, params } = binder();
  const where = whereClause(indexedConditions(filter, dialect, { bind }));
  const some = `SELECT 1 FROM ${dialect.schema}spans s${where} LIMIT ${most + 1}`;
  return { sql: `SELECT count(*) AS n FROM (${some}) c`, params };
}

const ORDER = "ORDER BY t.start_ns DESC, t.id";

/** Matching traces among the next `stretch` ones, one more than the page's limit at the most. */
export function stretchQuery({ filter, page, dialect }: Search, stretch: number): Query {
  const binding = binder();
  const { schema } = dialect;
  const traces = `(SELECT t.* FROM ${schema}traces t${traceClause({ filter, page }, binding)} ${ORDER} LIMIT ${stretch})`;
  // By trace, whatever else the filter names; OFFSET keeps PostgreSQL from making a join over all spans of it.
  const byTrace = { ...dialect, operation: "+s.operation_ref", start: "+s.start_ns" };
  const spans = ["s.trace_ref = t.ref", ...spanConditions(filter, byTrace, binding)].join(" AND ");
  const sql = `${selectTraces(schema, traces)}
    WHERE EXISTS (SELECT 1 FROM ${schema}spans s WHERE ${spans} LIMIT 1 OFFSET 0) ${ORDER} LIMIT ${page.limit + 1}`;
  return { sql, params: binding.params };
}

/** The last trace of a stretch; none where fewer were left. */
export function stretchEndQuery({ filter, page, dialect }: Search, stretch: number): Query {
  const binding = binder();
  const where = traceClause({ filter, page }, binding);
  const sql = `SELECT t.start_ns, t.id FROM ${dialect.schema}traces t${where} ${ORDER} LIMIT 1 OFFSET ${stretch - 1}`;
  return { sql, params: binding.params };
}

/** What holds for every trace with a matching span, and can be told from the trace alone. */
function traceClause({ filter, page }: Pick<Search, "filter" | "page">, { bind }: Binder): string {
  const { status, minDurationNs, sinceNs, untilNs } = filter;
  const where = [...afterCursor(page.cursor, bind)];
  // As the expression of an index, by which traces with errors are walked alone.
  if (status === "error") where.push("(t.errors > 0) = TRUE");
  if (minDurationNs !== undefined) where.push(`t.end_ns - t.start_ns >= ${bind(wholeNs(Math.ceil(minDurationNs)))}`);
  if (sinceNs !== undefined) where.push(`t.end_ns >= ${bind(inRange(sinceNs))}`);
  if (untilNs !== undefined) where.push(`t.start_ns < ${bind(inRange(untilNs))}`);
  return whereClause(where);
}
