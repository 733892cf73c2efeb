import type pg from "pg";
import { idBytes, idHex } from "./row.ts";
import { selectTraces, totalsFromRow, type TraceRow } from "./trace-row.ts";
import type { TraceTotals } from "./trace-totals.ts";

type NewTrace = { readonly traceId: string; readonly totals: TraceTotals; readonly operation: string };
/** `operation` null: the root did not change. */
type GrownTrace = { readonly ref: string; readonly totals: TraceTotals; readonly operation: string | null };

const NAMES = "start_ns, end_ns, spans, errors, root_operation, root_span_id, root_start_ns, root_has_parent";
const ARRAYS =
  "$2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[], $8::bigint[], $9::smallint[]";

function totalsArrays(traces: readonly { totals: TraceTotals; operation: string | null }[]) {
  return [
    traces.map(({ totals }) => totals.startNs),
    traces.map(({ totals }) => totals.endNs),
    traces.map(({ totals }) => totals.spans),
    traces.map(({ totals }) => totals.errors),
    traces.map(({ operation }) => operation),
    traces.map(({ totals }) => idBytes(totals.root.spanId, 8)),
    traces.map(({ totals }) => totals.root.startNs),
    traces.map(({ totals }) => (totals.root.hasParent ? 1 : 0)),
  ];
}

/** Inserts the traces that are not there yet; returns the ref of each inserted one by trace id. */
export async function insertTraces(
  client: pg.PoolClient,
  traces: readonly NewTrace[],
): Promise<ReadonlyMap<string, string>> {
  const ids = traces.map(({ traceId }) => idBytes(traceId, 16));
  const { rows } = await client.query<{ id: Buffer; ref: string }>(
    `INSERT INTO whetstone.traces (id, ${NAMES}) SELECT u.* FROM unnest($1::bytea[], ${ARRAYS}) AS u (id, ${NAMES})
     WHERE NOT EXISTS (SELECT 1 FROM whetstone.traces k WHERE k.id = u.id) ON CONFLICT DO NOTHING RETURNING id, ref`,
    [ids, ...totalsArrays(traces)],
  );
  return new Map(rows.map(({ id, ref }) => [idHex(id), ref]));
}

/** Refs and totals of traces that are there, locked in the order of their ids until the transaction ends. */
export async function lockTraces(
  client: pg.PoolClient,
  traceIds: readonly string[],
): Promise<ReadonlyMap<string, { ref: string; totals: TraceTotals }>> {
  if (traceIds.length === 0) return new Map();
  const ids = traceIds.map((id) => idBytes(id, 16));
  // Locked by a statement of its own: a join that waits for a lock is checked against the old operation and lost.
  const locked = await client.query<{ ref: string }>(
    "SELECT ref FROM whetstone.traces WHERE id = ANY($1) ORDER BY id FOR UPDATE",
    [ids],
  );
  // By ref: a trace that was removed and written anew meanwhile is not the one that is locked.
  const { rows } = await client.query<TraceRow & { id: Buffer; ref: string }>(
    `${selectTraces("whetstone.")} WHERE t.ref = ANY($1)`,
    [locked.rows.map(({ ref }) => ref)],
  );
  return new Map(rows.map((row) => [idHex(row.id), { ref: row.ref, totals: totalsFromRow(row) }]));
}

/** Writes new totals. */
export async function updateTraces(client: pg.PoolClient, traces: readonly GrownTrace[]): Promise<void> {
  if (traces.length === 0) return;
  await client.query(
    `UPDATE whetstone.traces t SET start_ns = u.start_ns, end_ns = u.end_ns, spans = u.spans, errors = u.errors,
       root_operation = coalesce(u.root_operation, t.root_operation), root_span_id = u.root_span_id,
       root_start_ns = u.root_start_ns, root_has_parent = u.root_has_parent
     FROM unnest($1::bigint[], ${ARRAYS}) AS u (ref, ${NAMES}) WHERE t.ref = u.ref`,
    [traces.map(({ ref }) => ref), ...totalsArrays(traces)],
  );
}
