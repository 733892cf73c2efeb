import type { AppCommand } from "../command.ts";

/** `/whetstone help`: what can be asked, and who may ask. */
export const help: AppCommand = {
  word: "help",
  summary: "lists what can be asked for",
  run: async ({ commands }) => ({
    ok: true,
    body: [
      "### Whetstone",
      "",
      "Write one of these at the start of a line of a new comment; people with write permission may:",
      "",
      ...commands.map(({ word, summary }) => `- \`/whetstone ${word}\`: ${summary}`),
    ].join("\n"),
  }),
};
