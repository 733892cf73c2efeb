import type { DatabaseSync } from "node:sqlite";
import { SPAN_KINDS, type Span } from "../model/span.ts";
import { groupByTrace, type TraceBatch } from "./batch.ts";
import type { AppendResult } from "./port.ts";
import { rollupDeltas } from "./rollup.ts";
import { idBytes, resourceText, scopeText, toRow } from "./row.ts";
import { sqliteInterner, type Interner } from "./sqlite-intern.ts";
import { inTransaction } from "./sqlite-query.ts";
import { rollupWriter } from "./sqlite-rollups.ts";
import { encodeText } from "./text.ts";
import { selectTraces, totalsFromRow, type TraceRow } from "./trace-row.ts";
import { mergeTotals, totalsOfAll, type TraceTotals } from "./trace-totals.ts";

/** Appends a batch to the database in one transaction; throws what SQLite throws, with nothing kept. */
export function sqliteAppender(db: DatabaseSync): (spans: readonly Span[]) => AppendResult {
  const refs = sqliteInterner(db);
  const write = traceWriter(db, refs);
  const writeRollups = rollupWriter(db, refs);
  return (spans) => {
    if (spans.length === 0) return { stored: 0, duplicates: 0 };
    try {
      return inTransaction(db, "BEGIN IMMEDIATE", () => {
        const rollups = rollupDeltas<bigint>();
        const shared = sharedRefs(refs);
        const stored = groupByTrace(spans).traces.reduce((sum, trace) => sum + write(trace, shared, rollups.add), 0);
        writeRollups(rollups.all());
        return { stored, duplicates: spans.length - stored };
      });
    } catch (thrown) {
      refs.forget();
      throw thrown;
    }
  };
}

type OnSpan = (operation: bigint, span: Span) => void;

/** Refs of what many spans of a batch share. */
type SharedRefs = { readonly resource: (span: Span) => bigint; readonly scope: (span: Span) => bigint };

/** The spans of a request share the objects as well, and to encode one costs more than to look it up. */
function sharedRefs(refs: Interner): SharedRefs {
  return {
    resource: onceEach(
      (span) => span.resource,
      (span) => refs.resource(resourceText(span)),
    ),
    scope: onceEach(
      (span) => span.scope,
      (span) => refs.scope(scopeText(span)),
    ),
  };
}

function onceEach(part: (span: Span) => object, ref: (span: Span) => bigint): (span: Span) => bigint {
  const known = new Map<object, bigint>();
  return (span) => {
    const found = known.get(part(span)) ?? ref(span);
    known.set(part(span), found);
    return found;
  };
}

/** Writes the spans of one trace and its totals; calls back for each new one and returns how many there were. */
function traceWriter(db: DatabaseSync, refs: Interner) {
  const find = findTrace(db);
  const add = addTrace(db, refs);
  const update = updateTrace(db, refs);
  const insert = insertSpan(db, refs);
  return ({ traceId, spans }: TraceBatch, shared: SharedRefs, onSpan: OnSpan): number => {
    const id = idBytes(traceId, 16);
    const known = find(id);
    const ref = known?.ref ?? add(id, totalsOfAll(spans));
    const fresh = spans.filter((span) => {
      const operation = insert(ref, span, shared);
      if (operation !== undefined) onSpan(operation, span);
      return operation !== undefined;
    });
    if (known && fresh.length > 0) update(ref, mergeTotals(known.totals, totalsOfAll(fresh)));
    return fresh.length;
  };
}

function findTrace(db: DatabaseSync): (id: Uint8Array) => { ref: bigint; totals: TraceTotals } | undefined {
  const statement = db.prepare(`${selectTraces("")} WHERE t.id = ?`);
  statement.setReadBigInts(true);
  return (id) => {
    const row = statement.get(id) as (TraceRow & { ref: bigint }) | undefined;
    return row && { ref: row.ref, totals: totalsFromRow(row) };
  };
}

function totalsColumns({ root, ...totals }: TraceTotals, refs: Interner) {
  const kind = SPAN_KINDS.indexOf(root.kind);
  return [
    totals.startNs,
    totals.endNs,
    totals.spans,
    totals.errors,
    refs.operation(encodeText(root.service), encodeText(root.name), kind),
    idBytes(root.spanId, 8),
    root.startNs,
    root.hasParent ? 1 : 0,
  ];
}

const TOTALS = "start_ns, end_ns, spans, errors, root_operation, root_span_id, root_start_ns, root_has_parent";

function addTrace(db: DatabaseSync, refs: Interner): (id: Uint8Array, totals: TraceTotals) => bigint {
  const statement = db.prepare(`INSERT INTO traces (${TOTALS}, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  statement.setReadBigInts(true);
  // Its rowid is `ref`; RETURNING would take half as long again.
  return (id, totals) => statement.run(...totalsColumns(totals, refs), id).lastInsertRowid as bigint;
}

function updateTrace(db: DatabaseSync, refs: Interner): (ref: bigint, totals: TraceTotals) => void {
  const statement = db.prepare(`UPDATE traces SET (${TOTALS}) = (?, ?, ?, ?, ?, ?, ?, ?) WHERE ref = ?`);
  return (ref, totals) => void statement.run(...totalsColumns(totals, refs), ref);
}

/** Inserts a span unless its key is there already; returns its operation if it did. */
function insertSpan(db: DatabaseSync, refs: Interner) {
  const statement =
    db.prepare(`INSERT INTO spans (trace_ref, span_id, kind, parent_span_id, operation_ref, resource_ref,
    scope_ref, start_ns, duration_ns, status, status_message, attributes, events, links)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`);
  return (traceRef: bigint, span: Span, shared: SharedRefs): bigint | undefined => {
    const row = toRow(span);
    const operation = refs.operation(encodeText(span.service), encodeText(span.name), row.kind);
    const { changes } = statement.run(
      traceRef,
      row.spanId,
      row.kind,
      row.parentSpanId,
      operation,
      shared.resource(span),
      shared.scope(span),
      row.startNs,
      row.durationNs,
      row.status,
      row.statusMessage,
      row.attributes,
      row.events,
      row.links,
    );
    return changes === 1 ? operation : undefined;
  };
}
