import type { AppCommand } from "../command.ts";
import { rollBack } from "../rollback/rollback.ts";
import { saidAnswer } from "./answers.ts";

/** `/whetstone rollback`: prepares a pull request that takes a merged proposal back. */
export const rollback: AppCommand = {
  word: "rollback",
  summary: "takes a merged proposal back, by a pull request of its own",
  on: "pull",
  parameters: [{ name: "why", kind: "text" }],
  run: async (context) => {
    const { values, by, place } = context;
    const why = values["why"] ?? "asked for by a comment";
    const { kind, said } = await rollBack(context, { pull: place.conversation, by, why });
    return saidAnswer("rollback", { ok: kind === "proposed", said });
  },
};
