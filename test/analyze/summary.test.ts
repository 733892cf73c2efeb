import { describe, expect, test } from "@jest/globals";
import { summarise } from "../../src/analyze/summary.ts";
import { groupTraces } from "../../src/analyze/tree.ts";
import { OperationSummary } from "../../src/model/finding.ts";
import { inSequence, repeat, toolCall } from "./population.ts";

describe("summarise", () => {
  test("calls, errors and quantiles of a tool: the proxy's two spans are one call, the inside is left out", () => {
    const spans = repeat(101, (i) =>
      toolCall("search", i + 1, { error: i < 10 ? "boom" : false, children: inSequence("read", 2, { ms: 0.2 }) }),
    );
    const [only, ...rest] = summarise(groupTraces(spans));
    expect(rest).toEqual([]);
    expect(OperationSummary.parse(only)).toEqual({
      service: "notes",
      operation: "tools/call search",
      calls: 101,
      errors: 10,
      errorRate: 10 / 101,
      p50Ms: 51,
      p95Ms: 96,
      p99Ms: 100,
    });
  });

  test("busiest first, ties by service and name", () => {
    const of = (tool: string, count: number, from: number): ReturnType<typeof repeat> =>
      repeat(count, () => toolCall(tool, 1), from);
    const spans = [...of("b", 2, 0), ...of("a", 2, 10), ...of("c", 5, 20)];
    expect(summarise(groupTraces(spans)).map(({ operation }) => operation)).toEqual([
      "tools/call c",
      "tools/call a",
      "tools/call b",
    ]);
  });

  test("a request inside another service's trace counts for its server, and the trace for its root", () => {
    const spans = repeat(3, () => ({ name: "turn", service: "agent", at: 0, ms: 9, children: [toolCall("get", 5)] }));
    expect(summarise(groupTraces(spans))).toMatchObject([
      { service: "agent", operation: "turn", calls: 3 },
      { service: "notes", operation: "tools/call get", calls: 3, p50Ms: 5 },
    ]);
  });

  test("a request that the server recorded once more below an internal span counts once", () => {
    const behind = { name: "dispatch", at: 0.1, ms: 4, children: [toolCall("get", 3)] };
    const spans = repeat(4, () => toolCall("get", 5, { children: [behind] }));
    expect(summarise(groupTraces(spans))).toMatchObject([{ operation: "tools/call get", calls: 4, p50Ms: 5 }]);
  });
});
