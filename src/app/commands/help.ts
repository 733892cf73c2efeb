import type { AppCommand } from "../command.ts";
import { usageOf } from "./parameters.ts";

/** `/whetstone help`: what can be asked, and who may ask. */
export const help: AppCommand = {
  word: "help",
  summary: "lists what can be asked for",
  on: "anything",
  parameters: [],
  run: async ({ commands }) => ({
    state: "done",
    body: [
      "### Whetstone",
      "",
      "Write one of these at the start of a line of a new comment; people with write permission may:",
      "",
      ...commands.map((command) => {
        const where = command.on === "pull" ? " (on a pull request)" : "";
        return `- \`${usageOf(command)}\`: ${command.summary}${where}`;
      }),
    ].join("\n"),
  }),
};
