import { z } from "zod";
import { buildTree, type TraceTree } from "../../analyze/tree.ts";
import { checkPopulation } from "../../specs/check.ts";
import type { CheckResult } from "../../specs/result.ts";
import { TraceIdArgument } from "../arguments.ts";
import { MaxTokens } from "../budget.ts";
import { CheckAnswer, checkAnswer } from "../check-answer.ts";
import { findSpans } from "../find-trace.ts";
import { addIteration, type Iteration, ofCheck, SessionId } from "../session-record.ts";
import { ms } from "../span-rows.ts";
import { loadSpec, SpecName, SpecVersion } from "../spec-documents.ts";
import { defineTool } from "../tool.ts";

/** `compare_trace_to_spec`: what one trace does otherwise than a specification says. */
export const compareTraceToSpec = defineTool({
  name: "compare_trace_to_spec",
  alias: "compare_traces",
  title: "A trace beside its specification",
  description:
    "Compares one stored trace with a stored specification: missing and unexpected spans, structure, performance, attribute and error issues, each with clause, expected, actual, the nearest span and evidence, and what to do. With session_id the result becomes a round of that development session. Numbers over many traces need validate_trace_collection.",
  toolset: "specs",
  effects: { readOnly: false, destructive: false, idempotent: false },
  input: z.strictObject({
    trace_id: TraceIdArgument,
    spec_name: SpecName,
    version: SpecVersion,
    session_id: SessionId.optional(),
    max_tokens: MaxTokens,
  }),
  output: CheckAnswer,
  run: async ({ trace_id, spec_name, version, session_id, max_tokens }, context) => {
    const { spec, version: found } = await loadSpec(context, spec_name, version);
    const tree = buildTree(await findSpans(context, trace_id));
    const result = checkPopulation(spec, [tree], { version: found });
    if (session_id !== undefined) await addIteration(context, session_id, roundOf(tree, result, context.clock.now()));
    return checkAnswer(result, { maxTokens: max_tokens, ids: context.ids, population: false });
  },
});

/** A check as a round of a development session. */
function roundOf(tree: TraceTree, result: CheckResult, atNs: bigint): Iteration {
  const { traceId, nodes, durationNs } = tree;
  const of = { traceIds: [traceId], spans: nodes.length, durationMs: ms(durationNs), exitCode: null };
  return { atNs: String(atNs), what: "check", ...ofCheck(result), ...of };
}
