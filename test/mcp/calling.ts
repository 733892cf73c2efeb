import { dirname } from "node:path";
import { splitWords } from "../../src/cli/words.ts";
import { systemTimers } from "../../src/mcp/exec/quiet.ts";
import { callTool } from "../../src/mcp/answer.ts";
import { CATALOGUE } from "../../src/mcp/catalogue.ts";
import { shownIds } from "../../src/mcp/shown-ids.ts";
import type { ServerParts, Tool, ToolContext } from "../../src/mcp/tool.ts";
import { manualClock } from "../../src/model/time.ts";
import type { Store } from "../../src/store/store.ts";
import { NOW } from "./hostile-store.ts";

let count = 0;

const OBJECTIVES = [
  { target: "notes", name: "available", service: "notes", sli: "availability", objective: 0.999, windowNs: 86_400e9 },
] as const;

/** Commands run in the folder of the repository, with nothing but a path. */
const EXEC = {
  folder: process.cwd(),
  env: { PATH: `${dirname(process.execPath)}:${process.env["PATH"]}` },
  split: splitWords,
  after: systemTimers,
};

/** What tools work with in tests: a store that is there, a clock that stands still. */
export function partsOver(store: Store): ServerParts {
  return {
    clock: manualClock(NOW),
    store: async () => store,
    ids: shownIds(),
    newId: (prefix) => `${prefix}-20251120T000000Z-${String((count += 1)).padStart(6, "0")}`,
    exec: EXEC,
    objectives: async () => OBJECTIVES,
  };
}

/** A call that nobody cancels; `told` gets its progress. */
export function contextOver(store: Store, told: string[] = []): ToolContext {
  return {
    ...partsOver(store),
    signal: new AbortController().signal,
    progress: (done, message, total) => void told.push(`${done}/${total} ${message}`),
  };
}

/** A tool by its name. */
export function toolNamed(name: string): Tool {
  const tool = CATALOGUE.find((each) => each.name === name);
  if (tool === undefined) throw new Error(`There is no tool ${name}.`);
  return tool;
}

/** Text and parsed body of what a tool answers, errors included. */
export async function answerOf(name: string, args: unknown, context: ToolContext) {
  const result = await callTool(toolNamed(name), args, context);
  const [first] = result.content as { text: string }[];
  const text = first?.text ?? "";
  return { text, isError: result.isError === true, body: JSON.parse(text) as Record<string, unknown> };
}
