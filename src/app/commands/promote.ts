import type { AppCommand } from "../command.ts";
import { promoteCanary } from "../gate/canary.ts";
import { saidAnswer } from "./answers.ts";

/** `/whetstone promote`: lets a canary pass by a person's decision, which needs the permission `canary.promote`. */
export const promote: AppCommand = {
  word: "promote",
  summary: "lets the canary of a proposal pass before it is decided",
  on: "pull",
  parameters: [],
  run: async (context) => {
    const { kind, said } = await promoteCanary(context, { pull: context.place.conversation, by: context.by });
    return saidAnswer("promote", { ok: kind === "promoted", said });
  },
};
