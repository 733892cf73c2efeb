import { SPAN_KINDS, type Span, type SpanKind } from "../model/span.ts";
import type { TraceSummary } from "./port.ts";

/** The span that a trace is named after, with what decides between two candidates. */
export type TraceRoot = {
  readonly hasParent: boolean;
  readonly startNs: bigint;
  readonly spanId: string;
  readonly kind: SpanKind;
  readonly service: string;
  readonly name: string;
};

/** What a store keeps per trace beside its spans. Times are ns since the Unix epoch. */
export type TraceTotals = {
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly spans: number;
  readonly errors: number;
  readonly root: TraceRoot;
};

/** End of a span, ns since the Unix epoch. */
export const endOf = (span: Span): bigint => span.startNs + BigInt(span.durationNs);

/** Totals of a trace that consists of `span` alone. */
export function totalsOf(span: Span): TraceTotals {
  return {
    startNs: span.startNs,
    endNs: endOf(span),
    spans: 1,
    errors: span.status === "error" ? 1 : 0,
    root: rootOf(span),
  };
}

function rootOf({ parentSpanId, startNs, spanId, kind, service, name }: Span): TraceRoot {
  return { hasParent: parentSpanId !== undefined, startNs, spanId, kind, service, name };
}

/** Totals of two disjoint sets of spans of one trace; commutative and associative, so arrival order does not matter. */
export function mergeTotals(a: TraceTotals, b: TraceTotals): TraceTotals {
  return {
    startNs: a.startNs < b.startNs ? a.startNs : b.startNs,
    endNs: a.endNs > b.endNs ? a.endNs : b.endNs,
    spans: a.spans + b.spans,
    errors: a.errors + b.errors,
    root: precedes(b.root, a.root) ? b.root : a.root,
  };
}

/** A span without parent is the root before any other; then the earliest; ties by span id and kind. */
function precedes(a: TraceRoot, b: TraceRoot): boolean {
  if (a.hasParent !== b.hasParent) return !a.hasParent;
  if (a.startNs !== b.startNs) return a.startNs < b.startNs;
  if (a.spanId !== b.spanId) return a.spanId < b.spanId;
  return SPAN_KINDS.indexOf(a.kind) < SPAN_KINDS.indexOf(b.kind);
}

/** Totals of a non-empty list of spans of one trace: those of each merged, in one pass. */
export function totalsOfAll(spans: readonly Span[]): TraceTotals {
  const [first, ...rest] = spans as readonly [Span, ...Span[]];
  let { startNs, endNs, errors, root } = totalsOf(first);
  for (const span of rest) {
    const end = endOf(span);
    if (span.startNs < startNs) startNs = span.startNs;
    if (end > endNs) endNs = end;
    if (span.status === "error") errors += 1;
    const candidate = rootOf(span);
    if (precedes(candidate, root)) root = candidate;
  }
  return { startNs, endNs, spans: spans.length, errors, root };
}

/** The row of a trace search. */
export function summaryOf(traceId: string, totals: TraceTotals): TraceSummary {
  return {
    traceId,
    rootService: totals.root.service,
    rootOperation: totals.root.name,
    startNs: totals.startNs,
    durationNs: Number(totals.endNs - totals.startNs),
    spans: totals.spans,
    errors: totals.errors,
  };
}
