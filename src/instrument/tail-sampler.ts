import { SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace";
import { withWeight } from "./sample-weight.ts";
import { isKept, parseOtState, thresholdOf, weightOfThreshold, type Threshold } from "./sampling-threshold.ts";

/** What the tail rule keeps beside all errors. */
export type TailOptions = {
  /** Share of the traces without an error and not slow that is kept, 0 to 1. */
  readonly probability: number;
  /** A span at least this long, ms, makes its trace slow; default 1000. */
  readonly slowMs?: number | undefined;
  /** Spans that may wait for their trace's decision; above it the oldest trace is decided early; default 10,000. */
  readonly mostWaiting?: number | undefined;
  /** A trace whose first span has waited this long is decided with what there is, ms; default 30,000. */
  readonly patienceMs?: number | undefined;
  /** Monotonic clock, ms. */
  readonly nowMs: () => number;
};

/** A trace in this process: spans that ended, and how many have not. */
type Waiting = { readonly spans: ReadableSpan[]; readonly sinceMs: number; open: number; kept: boolean };

/** Traces whose fate is remembered, so that what comes later follows them. */
const REMEMBERED = 10_000;

/**
 * Hands on all spans of a trace in which a span failed or was slow, with the weight that they have, and of the others a
 * share with the weight of that share. It decides when no span of the trace is open in this process any more; later
 * spans of a kept trace are kept, and an error is kept always. The share is chosen by the same random bits as the head
 * sampler's, so that of two shares the smaller one alone gives the weight. The sum of weights is therefore an unbiased
 * count of all spans. `shutdown` decides what waits.
 */
export function tailSampler(next: SpanProcessor, options: TailOptions): SpanProcessor {
  const { slowMs = 1_000, mostWaiting = 10_000, patienceMs = 30_000, nowMs } = options;
  const threshold = thresholdOf(options.probability);
  const traces = new Map<string, Waiting>();
  const keptBefore = new Set<string>();
  let waiting = 0;

  const decide = (traceId: string, entry: Waiting): void => {
    traces.delete(traceId);
    waiting -= entry.spans.length;
    if (entry.kept) remember(keptBefore, traceId);
    const whole = entry.kept || keptBefore.has(traceId);
    for (const span of entry.spans) {
      const weight = whole ? 1 : shareWeight(span, threshold);
      if (weight !== undefined) next.onEnd(withWeight(span, weight));
    }
  };
  const decideOverdue = (): void => {
    const oldest = nowMs() - patienceMs;
    for (const [traceId, entry] of traces) {
      if (waiting <= mostWaiting && traces.size <= mostWaiting && entry.sinceMs > oldest) return;
      // Spans that are still open come back as a trace of their own.
      decide(traceId, entry);
    }
  };
  const entryOf = (span: Pick<ReadableSpan, "spanContext">): Waiting => {
    const { traceId } = span.spanContext();
    const known = traces.get(traceId);
    if (known !== undefined) return known;
    const made = { spans: [], sinceMs: nowMs(), open: 0, kept: false };
    traces.set(traceId, made);
    return made;
  };
  const decideAll = (): void => {
    for (const [traceId, entry] of traces) decide(traceId, entry);
  };

  return {
    onStart: (span, parentContext) => {
      next.onStart(span, parentContext);
      entryOf(span).open += 1;
    },
    onEnd: (span) => {
      const { traceId, traceFlags } = span.spanContext();
      const entry = entryOf(span);
      entry.open = Math.max(0, entry.open - 1);
      if ((traceFlags & TraceFlags.SAMPLED) !== 0) {
        entry.spans.push(span);
        waiting += 1;
        entry.kept ||= span.status.code === SpanStatusCode.ERROR || milliseconds(span) >= slowMs;
      }
      if (entry.open === 0) decide(traceId, entry);
      decideOverdue();
    },
    forceFlush: () => next.forceFlush(),
    shutdown: () => {
      decideAll();
      return next.shutdown();
    },
  };
}

function shareWeight(span: ReadableSpan, threshold: Threshold | undefined): number | undefined {
  const { traceId, traceState } = span.spanContext();
  const { rv } = parseOtState(traceState?.get("ot"));
  return threshold !== undefined && isKept(traceId, threshold, rv) ? weightOfThreshold(threshold) : undefined;
}

function remember(traces: Set<string>, traceId: string): void {
  traces.add(traceId);
  const [oldest] = traces;
  if (traces.size > REMEMBERED && oldest !== undefined) traces.delete(oldest);
}

function milliseconds({ duration: [seconds, nanoseconds] }: ReadableSpan): number {
  return seconds * 1e3 + nanoseconds / 1e6;
}
