import type { Span } from "../model/span.ts";

/** Spans per batch of a stream: what a reader holds at once. */
export const SPAN_BATCH = 1_000;

/** Spans of one trace within a batch, without repetitions. */
export type TraceBatch = { readonly traceId: string; readonly spans: readonly Span[] };

/** What identifies a span within its trace. */
export const spanKey = (span: Pick<Span, "spanId" | "kind">): string => `${span.spanId}/${span.kind}`;

/** Groups a batch by trace; of spans with one key the first is kept and the others are counted. */
export function groupByTrace(spans: readonly Span[]): {
  readonly traces: readonly TraceBatch[];
  readonly duplicates: number;
} {
  const traces = new Map<string, Map<string, Span>>();
  let duplicates = 0;
  for (const span of spans) {
    const known = traces.get(span.traceId) ?? new Map<string, Span>();
    traces.set(span.traceId, known);
    const key = spanKey(span);
    if (known.has(key)) duplicates += 1;
    else known.set(key, span);
  }
  return {
    traces: [...traces].map(([traceId, known]) => ({ traceId, spans: [...known.values()] })),
    duplicates,
  };
}

/**
 * A stream of items from `next`, which returns at most `size` items after the one given, in order. Each batch is asked
 * for when the consumer wants it: between two of them nothing is locked and no snapshot is held. An item that arrives
 * meanwhile is seen if it comes after the last one returned.
 */
export async function* inBatches<Item>(
  size: number,
  next: (last: Item | undefined) => Promise<readonly Item[]>,
): AsyncGenerator<readonly Item[]> {
  let last: Item | undefined;
  for (;;) {
    const batch = await next(last);
    if (batch.length > 0) yield batch;
    if (batch.length < size) return;
    last = batch.at(-1);
  }
}
