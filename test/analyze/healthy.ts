import type { Span } from "../../src/model/span.ts";
import type { Random } from "../../src/stats/random.ts";
import { toolCall, trace, type Plan } from "./population.ts";

const TOOLS = ["search_notes", "get_note", "list_notes", "add_note"];

/** A healthy tool call: a look-up, then, unless its result makes that needless, one to three reads side by side. */
function healthyCall(tool: string, random: Random, found: boolean): Plan {
  const ms = 8 + random.uniform() * 4;
  const reads = found ? 0 : 1 + Math.floor(random.uniform() * 3);
  const readMs = 1 + random.uniform();
  return toolCall(tool, ms, {
    children: [
      { name: `${tool}.lookup`, at: 0.2, ms: 3 + random.uniform() },
      ...Array.from({ length: reads }, () => ({ name: `${tool}.read`, at: 5, ms: readMs })),
    ],
  });
}

/** The spans of `count` healthy traces of four tools, the same for the same generator state. */
export function healthyPopulation(count: number, random: Random, from = 0): Span[] {
  return Array.from({ length: count }, (_, i) =>
    trace(from + i, healthyCall(TOOLS[i % TOOLS.length] ?? "", random, Math.floor(i / TOOLS.length) % 3 === 0)),
  ).flat();
}
