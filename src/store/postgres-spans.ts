import type pg from "pg";
import { SPAN_KINDS } from "../model/span.ts";
import { spanKey } from "./batch.ts";
import type { SqlValue } from "./queries/sql.ts";
import { idHex, memberAt, type SpanRow } from "./row.ts";

/** A span with the refs of what it shares; refs are decimal text as the driver returns bigint. */
export type ReferringSpan = {
  readonly row: SpanRow;
  readonly traceRef: string;
  readonly operation: string;
  readonly resource: string;
  readonly scope: string;
};

type Column = readonly [name: string, type: string, value: (span: ReferringSpan) => SqlValue];

const COLUMNS: readonly Column[] = [
  ["trace_ref", "bigint", (span) => span.traceRef],
  ["span_id", "bytea", ({ row }) => row.spanId],
  ["kind", "smallint", ({ row }) => row.kind],
  ["parent_span_id", "bytea", ({ row }) => row.parentSpanId],
  ["operation_ref", "bigint", (span) => span.operation],
  ["resource_ref", "bigint", (span) => span.resource],
  ["scope_ref", "bigint", (span) => span.scope],
  ["start_ns", "bigint", ({ row }) => row.startNs],
  ["duration_ns", "bigint", ({ row }) => row.durationNs],
  ["status", "smallint", ({ row }) => row.status],
  ["status_message", "text", ({ row }) => row.statusMessage],
  ["attributes", "text", ({ row }) => row.attributes],
  ["events", "text", ({ row }) => row.events],
  ["links", "text", ({ row }) => row.links],
];

/** Spans per INSERT: bounds the size of one statement. */
const ROWS_PER_INSERT = 5_000;

const INSERT = `INSERT INTO whetstone.spans (${COLUMNS.map(([name]) => name).join(", ")})
  SELECT * FROM unnest(${COLUMNS.map(([, type], at) => `$${at + 1}::${type}[]`).join(", ")})
  ON CONFLICT DO NOTHING RETURNING trace_ref, span_id, kind`;

/** Inserts spans whose key is not there yet; returns the keys of those inserted as `<trace ref>/<span id>/<kind>`. */
export async function insertSpans(
  client: pg.PoolClient,
  spans: readonly ReferringSpan[],
): Promise<ReadonlySet<string>> {
  const inserted = new Set<string>();
  for (let at = 0; at < spans.length; at += ROWS_PER_INSERT) {
    const part = spans.slice(at, at + ROWS_PER_INSERT);
    const arrays = COLUMNS.map(([, , value]) => part.map(value));
    const { rows } = await client.query<{ trace_ref: string; span_id: Buffer; kind: number }>(INSERT, arrays);
    for (const row of rows) {
      const key = spanKey({ spanId: idHex(row.span_id), kind: memberAt(SPAN_KINDS, row.kind) });
      inserted.add(`${row.trace_ref}/${key}`);
    }
  }
  return inserted;
}
