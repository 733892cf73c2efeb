import { WhetstoneError } from "../../model/error.ts";
import type { AppCommand } from "../command.ts";
import { SESSION_FORM } from "./refine.ts";
import { startLoop } from "./loop-run.ts";
import { targetOf } from "./target.ts";
import { validatePull } from "./validate-pull.ts";

/**
 * `/whetstone validate`: proves the pull request on which it is written, as it is at its head; with `session=` a recorded
 * session's change again on the default branch. Nothing is written.
 */
export const validate: AppCommand = {
  word: "validate",
  summary: "starts a run that proves this pull request as it is now, or a recorded change, and writes nothing",
  on: "anything",
  parameters: [
    { name: "target", kind: "word" },
    { name: "session", kind: "option", form: SESSION_FORM },
  ],
  run: async (context) => {
    const { session } = context.values;
    if (session === undefined && !context.place.isPull) throw nothingToProve();
    const target = await targetOf(context);
    if (session === undefined) return await validatePull(context, target);
    const inputs = { target, mode: "refinement", session, "dry-run": "true" };
    return await startLoop(context, { word: "validate", target, inputs, permission: null });
  },
};

function nothingToProve(): WhetstoneError {
  return new WhetstoneError("usage", '"validate" needs a change, and an issue has none.', {
    remedy: 'Write "/whetstone validate" on a pull request, or add session=replay:FILE here.',
  });
}
