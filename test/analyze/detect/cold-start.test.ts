import { describe, expect, test } from "@jest/globals";
import { detectColdStarts } from "../../../src/analyze/detect/cold-start.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import { Finding } from "../../../src/model/finding.ts";
import type { Span } from "../../../src/model/span.ts";
import { repeat, toolCall, type Plan } from "../population.ts";

type Lives = { readonly lives?: number; readonly coldMs?: number; readonly by?: "process" | "session" | "none" };

/** Ten calls in each of some processes, of which the first takes `coldMs`. */
function calls({ lives = 4, coldMs = 200, by = "process" }: Lives = {}): Span[] {
  const plan = (i: number): Plan => {
    const ms = i % 10 === 0 ? coldMs : 8 + (i % 5);
    return toolCall("search", ms, { children: [{ name: "load index", at: 1, ms: ms - 4 }] });
  };
  return repeat(lives * 10, plan).map((span) => {
    const life = `life-${Math.floor((Number.parseInt(span.traceId, 16) - 1) / 10)}`;
    if (by === "process") return { ...span, resource: { "service.instance.id": life } };
    return by === "session" ? { ...span, attributes: { ...span.attributes, "mcp.session.id": life } } : span;
  });
}
const detect = (spans: readonly Span[]): Finding[] => detectColdStarts(groupTraces(spans));

describe("detectColdStarts", () => {
  test.each(["process", "session"] as const)("the first call of each %s, beside what is usual", (by) => {
    const [finding, ...rest] = detect(calls({ by }));
    expect(rest).toEqual([]);
    expect(Finding.parse(finding)).toMatchObject({
      id: "cold_start:notes:tools/call search",
      value: 200,
      gainMs: 190,
      samples: 4,
      child: "load index",
    });
  });

  test.each<[string, Lives]>([
    ["first calls that are not slower", { coldMs: 10 }],
    ["first calls that are a little slower", { coldMs: 20 }],
    ["only two processes", { lives: 2 }],
    ["nothing that tells processes apart", { by: "none" }],
  ])("nothing: %s", (_name, lives) => {
    expect(detect(calls(lives))).toEqual([]);
  });

  test("an operation that is always slow is not cold", () => {
    const slow = calls().map((span) => ({ ...span, durationNs: 200_000_000 }));
    expect(detect(slow)).toEqual([]);
  });
});
