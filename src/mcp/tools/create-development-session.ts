import { z } from "zod";
import { formatInstant } from "../../model/time.ts";
import { compose, Envelope, MaxTokens } from "../budget.ts";
import { loadSpec, SpecName } from "../spec-documents.ts";
import { openSession } from "../session-record.ts";
import { shownName } from "../shown.ts";
import { defineTool } from "../tool.ts";

/** `create_development_session`: a record of rounds of work. */
export const createDevelopmentSession = defineTool({
  name: "create_development_session",
  alias: "start_trace_session",
  title: "Open a development session",
  description:
    "Opens a session that remembers every round of trace-driven work: runs and checks, their verdicts and issues. Pass its id as session_id to the tools that run or check; get_session_metrics and suggest_next_steps read it. With spec_name, rounds are checked against that specification.",
  toolset: "sessions",
  effects: { readOnly: false, destructive: false, idempotent: false },
  input: z.strictObject({
    project_name: z.string().min(1).max(200),
    spec_name: SpecName.optional(),
    max_tokens: MaxTokens,
  }),
  output: z.strictObject({ session_id: z.string(), project: z.string(), created: z.string(), ...Envelope }),
  run: async ({ project_name, spec_name, max_tokens }, context) => {
    if (spec_name !== undefined) await loadSpec(context, spec_name);
    const now = context.clock.now();
    const id = context.newId("d");
    await openSession(context, {
      schema: "whetstone.development-session/1",
      id,
      project: project_name,
      ...(spec_name !== undefined && { spec: spec_name }),
      createdNs: String(now),
      rounds: 0,
      iterations: [],
    });
    return compose({
      maxTokens: max_tokens,
      facts: { session_id: id, project: shownName(project_name), created: formatInstant(now) },
      lists: {},
      hint:
        spec_name === undefined
          ? "Next: define_trace_spec with the trace that is wanted, then run and compare."
          : "Next: change the code, run it, compare with the specification.",
    });
  },
});
