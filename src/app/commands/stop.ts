import type { AppCommand } from "../command.ts";
import { stopAll } from "../stop/stop.ts";
import { saidAnswer } from "./answers.ts";

/** `/whetstone stop`: stops everything that changes something. Everybody who may command may stop. */
export const stop: AppCommand = {
  word: "stop",
  summary: "stops everything at once: runs, gates, workflows of Whetstone",
  on: "anything",
  parameters: [{ name: "why", kind: "text" }],
  run: async (context) => {
    const { complete, said } = await stopAll(context, { by: context.by, why: context.values["why"] ?? null });
    return saidAnswer("stop", { ok: complete, said });
  },
};
