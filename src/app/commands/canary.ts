import type { AppCommand } from "../command.ts";
import { startCanary } from "../gate/canary.ts";
import { saidAnswer } from "./answers.ts";

/** `/whetstone canary`: starts the canary of the pull request that it stands on. */
export const canary: AppCommand = {
  word: "canary",
  summary: "starts the canary of an approved proposal",
  on: "pull",
  parameters: [],
  run: async (context) => {
    const { kind, said } = await startCanary(context, { pull: context.place.conversation, by: context.by });
    return saidAnswer("canary", { ok: kind === "started", said });
  },
};
