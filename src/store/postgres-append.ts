import type pg from "pg";
import { SPAN_KINDS, type Span } from "../model/span.ts";
import { groupByTrace, spanKey, type TraceBatch } from "./batch.ts";
import { internKey } from "./intern.ts";
import type { AppendResult } from "./port.ts";
import { errorCodeOf } from "./postgres-errors.ts";
import { internAll, OPERATIONS, RESOURCES, SCOPES } from "./postgres-intern.ts";
import { addRollups } from "./postgres-rollups.ts";
import { insertSpans } from "./postgres-spans.ts";
import { insertTraces, lockTraces, updateTraces } from "./postgres-traces.ts";
import { rollupDeltas } from "./rollup.ts";
import { toRow, toSharedRow, type SharedRow, type SpanRow } from "./row.ts";
import { encodeText } from "./text.ts";
import { mergeTotals, totalsOfAll, type TraceTotals } from "./trace-totals.ts";

/** Times a transaction that lost against a concurrent one (deadlock, serialization) is started anew. */
const ATTEMPTS = 5;

/** Runs `work` again when PostgreSQL ended it in favour of another transaction. */
export async function withRetry<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (thrown) {
      if (attempt === ATTEMPTS || !["40P01", "40001"].includes(errorCodeOf(thrown))) throw thrown;
    }
  }
}

type Encoded = { readonly span: Span; readonly row: SpanRow; readonly shared: SharedRow };

/** Writes a batch inside the transaction of `client`. */
export async function appendBatch(client: pg.PoolClient, spans: readonly Span[]): Promise<AppendResult> {
  const batch = groupByTrace(spans).traces.toSorted((a, b) => (a.traceId < b.traceId ? -1 : 1));
  const encoded = new Map(batch.map(({ traceId, spans: own }) => [traceId, own.map(encode)]));
  const refs = await internShared(client, [...encoded.values()].flat());
  const { fresh, known } = await tracesOf(client, batch, refs);
  const rows = batch.flatMap(({ traceId }) => {
    const traceRef = fresh.get(traceId) ?? known.get(traceId)?.ref ?? "";
    return (encoded.get(traceId) ?? []).map((one) => ({ traceRef, ...one, ...refsOf(one, refs) }));
  });
  const inserted = await insertSpans(client, rows);
  await updateTraces(
    client,
    batch.flatMap((trace) => grownTrace(trace, { known, inserted, refs })),
  );
  const rollups = rollupDeltas<string>();
  for (const { traceRef, operation, span } of rows) {
    if (inserted.has(`${traceRef}/${spanKey(span)}`)) rollups.add(operation, span);
  }
  await addRollups(client, rollups.all());
  return { stored: inserted.size, duplicates: spans.length - inserted.size };
}

const encode = (span: Span): Encoded => ({ span, row: toRow(span), shared: toSharedRow(span) });

type Refs = Record<"operation" | "resource" | "scope", ReadonlyMap<string, string>>;

const operationOf = ({ shared, row }: Encoded) => [shared.service, shared.name, row.kind] as const;

async function internShared(client: pg.PoolClient, encoded: readonly Encoded[]): Promise<Refs> {
  return {
    operation: await internAll(client, OPERATIONS, encoded.map(operationOf)),
    resource: await internAll(
      client,
      RESOURCES,
      encoded.map(({ shared }) => [shared.resource]),
    ),
    scope: await internAll(
      client,
      SCOPES,
      encoded.map(({ shared }) => [shared.scope]),
    ),
  };
}

function refsOf(encoded: Encoded, refs: Refs) {
  const { resource, scope } = encoded.shared;
  return {
    operation: refs.operation.get(internKey(operationOf(encoded)).text) ?? "",
    resource: refs.resource.get(resource) ?? "",
    scope: refs.scope.get(scope) ?? "",
  };
}

/** The traces of a batch: those that are inserted now by ref, and those that were there, locked. */
async function tracesOf(client: pg.PoolClient, batch: readonly TraceBatch[], refs: Refs) {
  const fresh = new Map<string, string>();
  const known: Known = new Map();
  let missing = batch;
  // Once more for traces that retention removed between the two statements; what is locked stays.
  while (missing.length > 0) {
    const added = missing.map((trace) => newTrace(trace, refs.operation));
    for (const [id, ref] of await insertTraces(client, added)) fresh.set(id, ref);
    const before = missing.map(({ traceId }) => traceId).filter((id) => !fresh.has(id));
    for (const [id, trace] of await lockTraces(client, before)) known.set(id, trace);
    missing = missing.filter(({ traceId }) => !fresh.has(traceId) && !known.has(traceId));
  }
  return { fresh, known };
}

function newTrace({ traceId, spans }: TraceBatch, operations: Refs["operation"]) {
  const totals = totalsOfAll(spans);
  return { traceId, totals, operation: rootOperation(totals, operations) ?? "" };
}

type Known = Map<string, { readonly ref: string; readonly totals: TraceTotals }>;

/** New totals of a trace that was there before and got spans; its root may lie outside of this batch. */
function grownTrace(
  { traceId, spans }: TraceBatch,
  { known, inserted, refs }: { known: Known; inserted: ReadonlySet<string>; refs: Refs },
) {
  const before = known.get(traceId);
  if (before === undefined) return [];
  const added = spans.filter((span) => inserted.has(`${before.ref}/${spanKey(span)}`));
  if (added.length === 0) return [];
  const totals = mergeTotals(before.totals, totalsOfAll(added));
  const operation = totals.root === before.totals.root ? null : (rootOperation(totals, refs.operation) ?? null);
  return [{ ref: before.ref, totals, operation }];
}

function rootOperation({ root }: ReturnType<typeof totalsOfAll>, operations: Refs["operation"]): string | undefined {
  return operations.get(
    internKey([encodeText(root.service), encodeText(root.name), SPAN_KINDS.indexOf(root.kind)]).text,
  );
}
