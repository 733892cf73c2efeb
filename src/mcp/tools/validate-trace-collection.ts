import { z } from "zod";
import { buildTree, type TraceTree } from "../../analyze/tree.ts";
import { checkPopulation } from "../../specs/check.ts";
import { ServiceName, TimeRange, TraceIdArgument, windowOf } from "../arguments.ts";
import { MaxTokens } from "../budget.ts";
import { CheckAnswer, checkAnswer } from "../check-answer.ts";
import { findSpans } from "../find-trace.ts";
import { loadPopulation } from "../population.ts";
import { loadSpec, SpecName, SpecVersion } from "../spec-documents.ts";
import { defineTool, READS, type ToolContext } from "../tool.ts";

const Input = z.strictObject({
  spec_name: SpecName,
  version: SpecVersion,
  trace_ids: z.array(TraceIdArgument).min(1).max(200).optional().describe("These traces; else all of the window."),
  service_name: ServiceName.optional(),
  time_range: TimeRange.optional(),
  max_tokens: MaxTokens,
});

/** `validate_trace_collection`: many traces and a specification. */
export const validateTraceCollection = defineTool({
  name: "validate_trace_collection",
  title: "Many traces beside a specification",
  description:
    "Checks many traces against a stored specification, each by itself and all together (percentiles, rates, share that matches). Give trace_ids, or a window (default: last 24 hours; newest 5,000 traces). Traces that the specification is not about do not count.",
  toolset: "specs",
  effects: READS,
  input: Input,
  output: CheckAnswer,
  run: async (args, context) => {
    const window = windowOf(args.time_range, context.clock.now(), "-24h");
    const { spec, version } = await loadSpec(context, args.spec_name, args.version);
    const { traces, notes } =
      args.trace_ids === undefined
        ? await loadPopulation(context, { ...window, service: args.service_name, exactNames: true })
        : { traces: await treesOf(args.trace_ids, context), notes: [] };
    const result = checkPopulation(spec, traces, { version });
    return checkAnswer(result, { maxTokens: args.max_tokens, ids: context.ids, population: true, notes });
  },
});

async function treesOf(ids: readonly string[], context: ToolContext): Promise<readonly TraceTree[]> {
  const traces: TraceTree[] = [];
  for (const [at, id] of ids.entries()) {
    traces.push(buildTree(await findSpans(context, id)));
    context.progress(at + 1, "traces read", ids.length);
  }
  return traces;
}
