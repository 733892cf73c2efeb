import { z } from "zod";
import { WhetstoneError } from "../../model/error.ts";
import { SpanStatus } from "../../model/span.ts";
import { parseDuration } from "../../model/time.ts";
import type { SpanFilter } from "../../store/port.ts";
import { Cursor, OperationName, ServiceName, TimeRange, windowOf } from "../arguments.ts";
import { MaxTokens } from "../budget.ts";
import { defineTool, READS } from "../tool.ts";
import { listTraces, TraceListAnswer } from "../trace-list.ts";

const Duration = z.string().max(20).optional();

const Input = z.strictObject({
  service_name: ServiceName.optional(),
  operation: OperationName.optional(),
  attributes: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .describe('Equality on attributes of the span or its resource, such as {"gen_ai.tool.name":"search"}.'),
  status: SpanStatus.optional(),
  min_duration: Duration.describe("Such as 250us, 10ms, 2s."),
  max_duration: Duration,
  time_range: TimeRange.optional(),
  limit: z.int().min(1).max(1_000).default(50),
  cursor: Cursor,
  max_tokens: MaxTokens,
});

/** `search_traces`: traces by filters on their spans. */
export const searchTraces = defineTool({
  name: "search_traces",
  title: "Search traces",
  description:
    "Finds traces in which ONE span meets all given filters together (so status error means: a span that failed, not necessarily the root). Newest first. Equality only; names as answers show them.",
  toolset: "traces",
  effects: READS,
  input: Input,
  output: TraceListAnswer,
  run: async (args, { store, clock }) => {
    const { limit, cursor, max_tokens: maxTokens } = args;
    return listTraces(await store("read"), { filter: filterOf(args, clock.now()), limit, cursor, maxTokens });
  },
});

function filterOf(args: z.output<typeof Input>, now: bigint): SpanFilter {
  const { attributes, status, min_duration: least, max_duration: most, time_range: range } = args;
  if (least !== undefined && most !== undefined && parseDuration(least) > parseDuration(most)) {
    throw new WhetstoneError("usage", `min_duration ${least} is longer than max_duration ${most}.`, {
      remedy: "Exchange them.",
    });
  }
  const texts = Object.entries(attributes ?? {}).map(([key, value]) => [key, String(value)] as const);
  return {
    ...(range !== undefined && windowOf(range, now, "-24h")),
    ...(args.service_name !== undefined && { service: args.service_name }),
    ...(args.operation !== undefined && { operation: args.operation }),
    ...(texts.length > 0 && { attributes: Object.fromEntries(texts) }),
    ...(status !== undefined && { status }),
    ...(least !== undefined && { minDurationNs: parseDuration(least) }),
    ...(most !== undefined && { maxDurationNs: parseDuration(most) }),
  };
}
