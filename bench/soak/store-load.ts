import type { Span } from "../../src/model/span.ts";
import { loadTrace } from "../load/spans.ts";

/** Traces that all writers add to, so that they meet in the same rows. */
const SHARED = 20;

const TRACES_PER_BATCH = 25;

/** What tells a writer's spans from those of others. */
export const serviceOf = (writer: number): string => `writer-${writer}`;

/** Spans of batch `n` of a writer: traces of its own, and as many spans in traces that all share. */
export function batchOf(writer: number, n: number): readonly Span[] {
  const service = serviceOf(writer);
  const load = { traces: 1_000_000, spreadNs: 86_400_000_000_000n };
  return Array.from({ length: TRACES_PER_BATCH }, (_, at) => {
    const spans = loadTrace(writer * 100_000 + n * TRACES_PER_BATCH + at, load).map((span) => ({ ...span, service }));
    const [first, ...rest] = spans as [Span, ...Span[]];
    return [first, ...rest, { ...first, traceId: (1 + ((n + at) % SHARED)).toString(16).padStart(32, "0") }];
  }).flat();
}
