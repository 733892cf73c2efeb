import { SPAN_KINDS } from "../model/span.ts";
import { idHex, memberAt } from "./row.ts";
import { decodeText } from "./text.ts";
import type { TraceTotals } from "./trace-totals.ts";

/** A row of `traces` joined with its root operation; integers as the driver gives them. */
export type TraceRow = {
  readonly start_ns: bigint | string;
  readonly end_ns: bigint | string;
  readonly spans: bigint | string;
  readonly errors: bigint | string;
  readonly root_has_parent: bigint | number;
  readonly root_start_ns: bigint | string;
  readonly root_span_id: Uint8Array;
  readonly service: string;
  readonly name: string;
  readonly kind: bigint | number;
};

/** Selects {@link TraceRow} with `ref` and `id` from `traces t` without a WHERE; `schema` prefixes table names. */
export const selectTraces = (
  schema: string,
  traces = `${schema}traces`,
): string => `SELECT t.ref, t.id, t.start_ns, t.end_ns, t.spans, t.errors,
  t.root_has_parent, t.root_start_ns, t.root_span_id, o.service, o.name, o.kind
  FROM ${traces} t JOIN ${schema}operations o ON o.ref = t.root_operation`;

/** Totals that a row holds. */
export function totalsFromRow(row: TraceRow): TraceTotals {
  return {
    startNs: BigInt(row.start_ns),
    endNs: BigInt(row.end_ns),
    spans: Number(row.spans),
    errors: Number(row.errors),
    root: {
      hasParent: Number(row.root_has_parent) !== 0,
      startNs: BigInt(row.root_start_ns),
      spanId: idHex(row.root_span_id),
      kind: memberAt(SPAN_KINDS, row.kind),
      service: decodeText(row.service),
      name: decodeText(row.name),
    },
  };
}
