import { z } from "zod";
import { checkTrace } from "../../specs/check.ts";
import { TraceIdArgument } from "../arguments.ts";
import { MaxTokens } from "../budget.ts";
import { CheckAnswer, checkAnswer } from "../check-answer.ts";
import { findSpans } from "../find-trace.ts";
import { loadSpec, SpecName, SpecVersion } from "../spec-documents.ts";
import { defineTool, READS } from "../tool.ts";

/** `validate_against_spec`: a full check of one trace, with the numbers behind the verdict. */
export const validateAgainstSpec = defineTool({
  name: "validate_against_spec",
  title: "Full check of a trace",
  description:
    "As compare_trace_to_spec, and besides the verdict of the trace, the numbers that the specification bounds over traces (here: of this one), and clauses whose condition did not hold. Verdict inconclusive where a number has too few values or nothing applies.",
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
    const skipped = result.evidence.skipped.map((clause) => `Not applicable here: ${clause}.`);
    return checkAnswer(result, { maxTokens: max_tokens, ids: context.ids, population: true, notes: skipped });
  },
});
