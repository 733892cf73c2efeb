import { SPAN_KINDS, type Span } from "../../model/span.ts";
import { SPAN_BATCH } from "../batch.ts";
import type { SpanFilter } from "../port.ts";
import { idBytes } from "../row.ts";
import { spanConditions } from "./filter.ts";
import { binder, whereClause, type Dialect, type Query } from "./sql.ts";

/** Columns of {@link SelectedSpan} from `spans s` and `traces t`, joined with what is interned; `more` adds columns. */
export const selectSpans = (
  from: string,
  { schema }: Dialect,
  more = "",
): string => `SELECT ${more}t.id AS trace_id, s.span_id, s.parent_span_id,
    s.kind, o.service, o.name, s.start_ns, s.duration_ns, s.status, s.status_message, s.attributes, s.events, s.links,
    r.attributes AS resource, c.scope
  FROM ${from}
  JOIN ${schema}traces t ON t.ref = s.trace_ref
  JOIN ${schema}operations o ON o.ref = s.operation_ref
  JOIN ${schema}resources r ON r.ref = s.resource_ref
  JOIN ${schema}scopes c ON c.ref = s.scope_ref`;

const ORDER = "ORDER BY s.start_ns, t.id, s.span_id, s.kind";

/** All spans of a trace by start, span id and kind. */
export function traceQuery(traceId: string, dialect: Dialect): Query {
  const ref = `(SELECT ref FROM ${dialect.schema}traces WHERE id = $1)`;
  const sql = `${selectSpans(`${dialect.schema}spans s`, dialect)} WHERE s.trace_ref = ${ref} ${ORDER}`;
  return { sql, params: [idBytes(traceId, 16)] };
}

/** The next {@link SPAN_BATCH} matching spans after `last` by (start, trace id, span id, kind). */
export function spanBatchQuery(filter: SpanFilter, last: Span | undefined, dialect: Dialect): Query {
  const binding = binder();
  // Walks the index on start whatever the filter, so that all batches together read each span once.
  const conditions = spanConditions(filter, { ...dialect, operation: "+s.operation_ref" }, binding);
  const where = whereClause([...conditions, ...afterSpan(last, binding.bind)]);
  const { schema } = dialect;
  const batch = `(SELECT s.* FROM ${schema}spans s JOIN ${schema}traces t ON t.ref = s.trace_ref${where}
    ${ORDER} LIMIT ${SPAN_BATCH}) s`;
  return { sql: `${selectSpans(batch, dialect)} ${ORDER}`, params: binding.params };
}

function afterSpan(last: Span | undefined, bind: (value: bigint | Uint8Array | number) => string): readonly string[] {
  if (last === undefined) return [];
  const start = bind(last.startNs);
  const rest = [idBytes(last.traceId, 16), idBytes(last.spanId, 8), SPAN_KINDS.indexOf(last.kind)].map(bind).join(", ");
  // The first condition alone can be answered from the index on start.
  return [`s.start_ns >= ${start}`, `(s.start_ns > ${start} OR (t.id, s.span_id, s.kind) > (${rest}))`];
}
