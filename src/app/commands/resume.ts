import type { AppCommand } from "../command.ts";
import { resumeAll } from "../stop/stop.ts";
import { saidAnswer } from "./answers.ts";

/** `/whetstone resume`: lets everything go on, which needs the permission `resume`. */
export const resume: AppCommand = {
  word: "resume",
  summary: "lets everything go on after a stop",
  on: "anything",
  parameters: [],
  run: async (context) => {
    const { complete, said } = await resumeAll(context, { by: context.by });
    return saidAnswer("resume", { ok: complete, said });
  },
};
