import type { AppCommand } from "../command.ts";
import { startLoop } from "./loop-run.ts";
import { targetOf } from "./target.ts";

/** `/whetstone analyze`: a run of the loop that looks and names findings. */
export const analyze: AppCommand = {
  word: "analyze",
  summary: "starts a run that measures a target and names what hurts",
  on: "anything",
  parameters: [{ name: "target", kind: "word" }],
  run: async (context) => {
    const target = await targetOf(context);
    const inputs = { target, mode: "analysis" };
    return await startLoop(context, { word: "analyze", target, inputs, permission: null });
  },
};
