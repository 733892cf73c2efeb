import type { AppCommand } from "../command.ts";
import { SESSION_FORM } from "./refine.ts";
import { startLoop } from "./loop-run.ts";
import { targetOf } from "./target.ts";

/** `/whetstone validate`: proves a recorded session's change again on the default branch; nothing is written. */
export const validate: AppCommand = {
  word: "validate",
  summary: "starts a run that proves a recorded change on the default branch and writes nothing",
  on: "anything",
  parameters: [
    { name: "target", kind: "word" },
    { name: "session", kind: "option", required: true, form: SESSION_FORM },
  ],
  run: async (context) => {
    const target = await targetOf(context);
    const inputs = { target, mode: "refinement", session: context.values["session"] ?? "", "dry-run": "true" };
    return await startLoop(context, { word: "validate", target, inputs, permission: null });
  },
};
