import { z } from "zod";
import { Cursor, ServiceName, TimeRange, windowOf } from "../arguments.ts";
import { MaxTokens } from "../budget.ts";
import { defineTool, READS } from "../tool.ts";
import { listTraces, TraceListAnswer } from "../trace-list.ts";

/** `get_traces`: the newest traces of a service. */
export const getTraces = defineTool({
  name: "get_traces",
  title: "Newest traces of a service",
  description:
    "Lists stored traces, newest first: id, root, start, duration, spans, errors. With service_name only traces in which that service has a span. For filters by operation, attribute, status or duration use search_traces.",
  toolset: "traces",
  effects: READS,
  input: z.strictObject({
    service_name: ServiceName.optional(),
    time_range: TimeRange.optional(),
    limit: z.int().min(1).max(1_000).default(50),
    cursor: Cursor,
    max_tokens: MaxTokens,
  }),
  output: TraceListAnswer,
  run: async ({ service_name, time_range, limit, cursor, max_tokens }, { store, clock }) => {
    const window = time_range === undefined ? {} : windowOf(time_range, clock.now(), "-24h");
    const filter = { ...window, ...(service_name !== undefined && { service: service_name }) };
    return listTraces(await store("read"), { filter, limit, cursor, maxTokens: max_tokens });
  },
});
