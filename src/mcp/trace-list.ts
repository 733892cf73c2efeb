import { z } from "zod";
import { formatInstant } from "../model/time.ts";
import { encodeCursor } from "../store/cursor.ts";
import type { SpanFilter, SpanStore, TracePage, TraceSummary } from "../store/port.ts";
import { compose, Envelope, sectionOf } from "./budget.ts";
import { whyNothing } from "./empty.ts";
import { namesInStore } from "./names.ts";
import { shownName } from "./shown.ts";

/** One trace in a list. */
export const TraceRow = z.strictObject({
  traceId: z.string(),
  rootService: z.string(),
  rootOperation: z.string(),
  start: z.string(),
  durationMs: z.number(),
  spans: z.int(),
  errors: z.int().describe("Spans with status error."),
});

/** Answer of the tools that list traces. */
export const TraceListAnswer = z.strictObject({ traces: z.array(TraceRow), ...Envelope });

/** Which page of which traces. */
export type TraceListRequest = {
  readonly filter: SpanFilter;
  readonly limit: number;
  readonly cursor: string | undefined;
  readonly maxTokens: number;
};

/** A page of traces, newest first, as many as the budget holds. */
export async function listTraces(
  store: SpanStore,
  request: TraceListRequest,
): Promise<z.input<typeof TraceListAnswer>> {
  const { cursor, maxTokens } = request;
  const page = await searchShown(store, request);
  const { traces } = page;
  const isWhole = cursor === undefined && page.nextCursor === undefined;
  return compose({
    maxTokens,
    facts: {},
    lists: { traces: sectionOf(traces, traceRow, { total: isWhole ? traces.length : (page.total ?? null) }) },
    cursor: (returned) => {
      const last = traces[returned - 1];
      return returned < traces.length && last !== undefined ? encodeCursor(last) : page.nextCursor;
    },
    ...(cursor !== undefined && { before: null }),
    hint: traces.length === 0 && cursor === undefined ? await whyNothing(store) : undefined,
  });
}

/** Names are taken as they are in the store and, where nothing has them, as answers show them. */
async function searchShown(store: SpanStore, { filter, limit, cursor }: TraceListRequest): Promise<TracePage> {
  const at = { limit, ...(cursor !== undefined && { cursor }) };
  const page = await store.search(filter, at);
  if (page.traces.length > 0) return page;
  const names = await namesInStore(store, filter);
  const isSame = names.service === filter.service && names.operation === filter.operation;
  return isSame ? page : store.search({ ...filter, ...names }, at);
}

function traceRow(trace: TraceSummary): z.input<typeof TraceRow> {
  return {
    traceId: trace.traceId,
    rootService: shownName(trace.rootService),
    rootOperation: shownName(trace.rootOperation),
    start: formatInstant(trace.startNs),
    durationMs: trace.durationNs / 1e6,
    spans: trace.spans,
    errors: trace.errors,
  };
}
