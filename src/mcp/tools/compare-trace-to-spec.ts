import { z } from "zod";
import { checkTrace } from "../../specs/check.ts";
import { TraceIdArgument } from "../arguments.ts";
import { MaxTokens } from "../budget.ts";
import { CheckAnswer, checkAnswer } from "../check-answer.ts";
import { findSpans } from "../find-trace.ts";
import { loadSpec, SpecName, SpecVersion } from "../spec-documents.ts";
import { defineTool, READS } from "../tool.ts";

/** `compare_trace_to_spec`: what one trace does otherwise than a specification says. */
export const compareTraceToSpec = defineTool({
  name: "compare_trace_to_spec",
  alias: "compare_traces",
  title: "A trace beside its specification",
  description:
    "Compares one stored trace with a stored specification: missing and unexpected spans, structure, performance, attribute and error issues, each with clause, expected, actual, the nearest span and evidence, and what to do. Numbers over many traces need validate_trace_collection.",
  toolset: "specs",
  effects: READS,
  input: z.strictObject({
    trace_id: TraceIdArgument,
    spec_name: SpecName,
    version: SpecVersion,
    max_tokens: MaxTokens,
  }),
  output: CheckAnswer,
  run: async ({ trace_id, spec_name, version, max_tokens }, context) => {
    const { spec, version: found } = await loadSpec(context, spec_name, version);
    const result = checkTrace(spec, await findSpans(context, trace_id), { version: found });
    return checkAnswer(result, { maxTokens: max_tokens, ids: context.ids, population: false });
  },
});
