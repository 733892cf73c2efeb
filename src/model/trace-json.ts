import { z } from "zod";
import type { TracePage } from "../store/port.ts";
import { Instant } from "./json.ts";
import { type Span, TraceId } from "./span.ts";
import { SpanJson, spanJson } from "./span-json.ts";
import { formatInstant } from "./time.ts";

/** A page of traces, newest first, as command line and API give it out. */
export const TracePageJson = z.object({
  traces: z.array(
    z.object({
      traceId: TraceId,
      rootService: z.string(),
      rootOperation: z.string(),
      start: Instant,
      durationMs: z.number(),
      spans: z.int(),
      errors: z.int(),
    }),
  ),
  /** Matching traces in all; absent where counting them would take much longer than finding the page. */
  total: z.int().optional(),
  returned: z.int(),
  /** Absent on the last page. */
  nextCursor: z.string().optional(),
});
export type TracePageJson = z.infer<typeof TracePageJson>;

/** One trace with all its spans by start. */
export const TraceJson = z.object({ traceId: TraceId, spans: z.array(SpanJson) });
export type TraceJson = z.infer<typeof TraceJson>;

/** The {@link TracePageJson} of a page. */
export function tracePageJson(page: TracePage): TracePageJson {
  const traces = page.traces.map(({ startNs, durationNs, ...rest }) => ({
    ...rest,
    start: formatInstant(startNs),
    durationMs: durationNs / 1e6,
  }));
  const next = page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor };
  return { traces, ...(page.total === undefined ? {} : { total: page.total }), returned: traces.length, ...next };
}

/** The {@link TraceJson} of the spans of one trace. */
export const traceJson = (traceId: string, spans: readonly Span[]): TraceJson => ({
  traceId,
  spans: spans.map(spanJson),
});
