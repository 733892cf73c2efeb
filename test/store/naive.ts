import { SPAN_KINDS, type Span } from "../../src/model/span.ts";
import type { SpanFilter, SpanStore, TraceSummary } from "../../src/store/port.ts";

const compare = <T extends string | number | bigint>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

const order = (a: Span, b: Span): number =>
  compare(a.startNs, b.startNs) ||
  compare(a.traceId, b.traceId) ||
  compare(a.spanId, b.spanId) ||
  compare(SPAN_KINDS.indexOf(a.kind), SPAN_KINDS.indexOf(b.kind));

function meets(span: Span, filter: SpanFilter): boolean {
  const failed = [
    filter.service !== undefined && filter.service !== span.service,
    filter.operation !== undefined && filter.operation !== span.name,
    filter.status !== undefined && filter.status !== span.status,
    filter.minDurationNs !== undefined && span.durationNs < filter.minDurationNs,
    filter.maxDurationNs !== undefined && span.durationNs > filter.maxDurationNs,
    filter.sinceNs !== undefined && span.startNs < filter.sinceNs,
    filter.untilNs !== undefined && span.startNs >= filter.untilNs,
    ...Object.entries(filter.attributes ?? {}).map(([key, wanted]) => {
      const found = [span.attributes, span.resource].flatMap((all) => Object.entries(all).filter(([k]) => k === key));
      return !found.some(([, value]) => (typeof value === "string" ? value : JSON.stringify(value)) === wanted);
    }),
  ];
  return !failed.includes(true);
}

/** What `spans(filter)` must yield: the plainest reading of the port. */
export function naiveSpans(spans: readonly Span[], filter: SpanFilter = {}): readonly Span[] {
  return spans.filter((span) => meets(span, filter)).sort(order);
}

/** What a search over all pages must yield. */
export function naiveTraces(spans: readonly Span[], filter: SpanFilter = {}): readonly TraceSummary[] {
  const ids = [...new Set(spans.filter((span) => meets(span, filter)).map((span) => span.traceId))];
  return ids
    .map((traceId) => summary(spans.filter((span) => span.traceId === traceId)))
    .sort((a, b) => compare(b.startNs, a.startNs) || compare(a.traceId, b.traceId));
}

function summary(spans: readonly Span[]): TraceSummary {
  const sorted = [...spans].sort(order);
  const root = sorted.find((span) => span.parentSpanId === undefined) ?? sorted[0];
  if (root === undefined) throw new Error("a trace has at least one span");
  const startNs = sorted[0]?.startNs ?? 0n;
  const endNs = sorted.map((span) => span.startNs + BigInt(span.durationNs)).reduce((a, b) => (a > b ? a : b));
  return {
    traceId: root.traceId,
    rootService: root.service,
    rootOperation: root.name,
    startNs,
    durationNs: Number(endNs - startNs),
    spans: spans.length,
    errors: spans.filter((span) => span.status === "error").length,
  };
}

/** Every trace that a search finds, page by page, with the totals that the pages stated. */
export async function allPages(store: SpanStore, filter: SpanFilter, limit: number) {
  const traces: TraceSummary[] = [];
  const totals = new Set<number>();
  let cursor: string | undefined;
  do {
    const page = await store.search(filter, { limit, ...(cursor === undefined ? {} : { cursor }) });
    if (page.traces.length > limit) throw new Error(`${page.traces.length} traces on a page of ${limit}`);
    traces.push(...page.traces);
    totals.add(page.total);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { traces, totals: [...totals] };
}

/** Every batch that a stream yields. */
export async function allBatches(store: SpanStore, filter: SpanFilter = {}): Promise<(readonly Span[])[]> {
  const batches: (readonly Span[])[] = [];
  for await (const batch of store.spans(filter)) batches.push(batch);
  return batches;
}

/** Every span that a stream yields. */
export async function allSpans(store: SpanStore, filter: SpanFilter = {}): Promise<readonly Span[]> {
  return (await allBatches(store, filter)).flat();
}
