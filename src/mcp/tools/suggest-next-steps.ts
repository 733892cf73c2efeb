import { z } from "zod";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { type Iteration, loadSession, SessionId, type SessionRecord } from "../session-record.ts";
import { shownText } from "../shown.ts";
import { defineTool, READS } from "../tool.ts";
import { violationsOf } from "./get-session-metrics.ts";

/** `suggest_next_steps`: what to do now in a development session. */
export const suggestNextSteps = defineTool({
  name: "suggest_next_steps",
  title: "Next steps of a session",
  description:
    "Says what to do next in a development session, from its rounds: what the last check asks for, whether the last change helped, when to stop. The rules are fixed; nothing is guessed.",
  toolset: "sessions",
  effects: READS,
  input: z.strictObject({ session_id: SessionId, max_tokens: MaxTokens }),
  output: z.strictObject({
    session_id: z.string(),
    done: z.boolean().describe("Whether the last two checked rounds passed."),
    steps: z.array(z.string()),
    ...Envelope,
  }),
  run: async ({ session_id, max_tokens }, context) => {
    const { record } = await loadSession(context, session_id);
    const checked = record.iterations.filter(({ verdict }) => verdict !== "not_checked");
    const lastTwo = checked.slice(-2);
    const done = lastTwo.length === 2 && lastTwo.every(({ verdict }) => verdict === "pass");
    return compose({
      maxTokens: max_tokens,
      facts: { session_id: record.id, done },
      lists: { steps: sectionOf(done ? DONE : stepsFor(record, checked), (step) => shownText(step, 400)) },
    });
  },
});

const DONE = [
  "The specification held twice in a row: stop here.",
  "Keep the specification current: update_trace_spec if the wanted behaviour changed, then run it in continuous integration with `whetstone spec check`.",
];

function stepsFor(record: SessionRecord, checked: readonly Iteration[]): readonly string[] {
  const last = record.iterations.at(-1);
  if (record.spec === undefined && checked.length === 0 && last === undefined) {
    return [
      "Describe the trace that is wanted with define_trace_spec, or write it from good traces with generate_spec_from_traces.",
      "Then run the code and compare.",
    ];
  }
  if (last === undefined)
    return ["Change the code, run it with execute_and_capture and this session_id, then look at the verdict."];
  return [...ofRun(last), ...ofCheck(checked)];
}

function ofRun({ what, exitCode, spans }: Iteration): string[] {
  if (what !== "run") return [];
  const failed =
    exitCode === 0
      ? []
      : ["The last command did not end with 0: mend that first; its output stands in the answer of the run."];
  const silent =
    spans > 0
      ? []
      : [
          "The last run sent no span: start the OpenTelemetry SDK in the program (`node --import whetstone/register`), let it end by itself or on SIGTERM so that it flushes.",
        ];
  return [...failed, ...silent];
}

function ofCheck(checked: readonly Iteration[]): string[] {
  const [last, before] = [checked.at(-1), checked.at(-2)];
  if (last === undefined) return ["Check the traces of the last run with compare_trace_to_spec and this session_id."];
  if (last.verdict === "pass")
    return ["The last round passed: run once more, two passes in a row show that it was no accident."];
  const asked = last.suggestions.length > 0 ? last.suggestions : [`The last check says: ${last.reason}`];
  const gotWorse = before !== undefined && violationsOf(last) > violationsOf(before);
  const stuck = checked.length >= 3 && checked.slice(-3).every((each) => violationsOf(each) === violationsOf(last));
  return [
    ...(gotWorse
      ? [
          `The last change made it worse (${violationsOf(before)} violations before, ${violationsOf(last)} now): take it back first.`,
        ]
      : []),
    ...(stuck
      ? [
          "Three rounds changed nothing: look at the trace itself with get_trace_by_id and analyze_trace before the next change.",
        ]
      : []),
    ...asked,
  ];
}
