import type { Span } from "../model/span.ts";
import { groupByTrace, inBatches, SPAN_BATCH, spanKey, type TraceBatch } from "./batch.ts";
import { checkLimit, decodeCursor, encodeCursor, type Position } from "./cursor.ts";
import { bySpanStart, checkFilter, matches } from "./match.ts";
import { memoryLogs } from "./memory-logs.ts";
import { memoryMetrics } from "./memory-metrics.ts";
import { countOf, extentOf, prunableOf, pruneTraces } from "./memory-prune.ts";
import { memoryArrivals } from "./memory-arrivals.ts";
import { memoryDocuments } from "./memory-documents.ts";
import { memoryRollups } from "./memory-rollups.ts";
import type { SpanFilter, TraceSummary } from "./port.ts";
import type { Store } from "./store.ts";
import { summaryOf, totalsOfAll } from "./trace-totals.ts";
import { fromRow, idBytes, toRow, toSharedRow } from "./row.ts";

type Traces = Map<string, Map<string, Span>>;

/** Memory twin of {@link Store}: nothing outlives the process. */
export function memoryStore(): Store {
  const traces: Traces = new Map();
  const rollups = memoryRollups();
  const order = memoryArrivals();
  const onSpan = (span: Span): void => {
    rollups.add(span);
    order.add(span);
  };
  return {
    append: async (spans) => {
      const batch = groupByTrace(spans);
      // Copied before anything is kept: a span that cannot be stored leaves the store as it was.
      const copies = batch.traces.map(({ traceId, spans: own }) => ({ traceId, spans: own.map(asStored) }));
      const stored = copies.reduce((sum, trace) => sum + insert(traces, trace, onSpan), 0);
      return { stored, duplicates: spans.length - stored };
    },
    trace: async (traceId) => [...(traces.get(traceId)?.values() ?? [])].sort(bySpanStart),
    search: async (filter, page) => search(traces, filter, page),
    spans: (filter) => inBatches<Span>(SPAN_BATCH, async (last) => batchAfter(traces, filter, last)),
    arrivals: async (page) =>
      order.page(
        [...traces.values()].flatMap((known) => [...known.values()]),
        page,
      ),
    rollups: (filter) => rollups.batches(filter),
    operations: async (filter) => rollups.report(filter),
    prune: async (what) => (what.kind === "rollups" ? rollups.prune(what.beforeNs) : pruneTraces(traces, what)),
    prunable: async (what) =>
      what.kind === "rollups" ? rollups.prunable(what.beforeNs) : countOf(prunableOf(traces, what)),
    documents: memoryDocuments(),
    metrics: memoryMetrics(),
    logs: memoryLogs(),
    extent: async () => extentOf(traces),
    compact: async () => undefined,
    [Symbol.asyncDispose]: async () => traces.clear(),
  };
}

/** A copy through the codec of the other stores, so that all of them give the same answers. */
function asStored(span: Span): Span {
  const row = toRow(span);
  return fromRow({
    ...row,
    ...toSharedRow(span),
    trace_id: idBytes(span.traceId, 16),
    span_id: row.spanId,
    parent_span_id: row.parentSpanId,
    start_ns: row.startNs,
    duration_ns: BigInt(row.durationNs),
    status_message: row.statusMessage,
  });
}

function insert(traces: Traces, batch: TraceBatch, onSpan: (span: Span) => void): number {
  const known = traces.get(batch.traceId) ?? new Map<string, Span>();
  traces.set(batch.traceId, known);
  const fresh = batch.spans.filter((span) => !known.has(spanKey(span)));
  for (const span of fresh) {
    known.set(spanKey(span), span);
    onSpan(span);
  }
  return fresh.length;
}

function search(traces: Traces, filter: SpanFilter, page: { limit: number; cursor?: string }) {
  checkLimit(page.limit);
  checkFilter(filter);
  const after = page.cursor === undefined ? undefined : decodeCursor(page.cursor);
  const found = [...traces]
    .map(([traceId, known]) => ({ traceId, spans: [...known.values()] }))
    .filter(({ spans }) => spans.some((span) => matches(span, filter)))
    .map(({ traceId, spans }) => summaryOf(traceId, totalsOfAll(spans)))
    .sort(newestFirst);
  const rest = after === undefined ? found : found.filter((trace) => newestFirst(after, trace) < 0);
  const shown = rest.slice(0, page.limit);
  const last = shown.at(-1);
  const more = last !== undefined && rest.length > shown.length;
  return { traces: shown, total: found.length, ...(more ? { nextCursor: encodeCursor(last) } : {}) };
}

function newestFirst(a: Position | TraceSummary, b: Position | TraceSummary): number {
  if (a.startNs !== b.startNs) return a.startNs > b.startNs ? -1 : 1;
  if (a.traceId === b.traceId) return 0;
  return a.traceId < b.traceId ? -1 : 1;
}

function batchAfter(traces: Traces, filter: SpanFilter, last: Span | undefined): readonly Span[] {
  checkFilter(filter);
  return [...traces.values()]
    .flatMap((known) => [...known.values()])
    .filter((span) => matches(span, filter) && (last === undefined || bySpanStart(span, last) > 0))
    .sort(bySpanStart)
    .slice(0, SPAN_BATCH);
}
