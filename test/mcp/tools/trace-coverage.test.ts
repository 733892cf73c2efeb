import { describe, expect, test } from "@jest/globals";
import { memoryStore } from "../../../src/store/memory.ts";
import type { Span } from "../../../src/model/span.ts";
import { traceId } from "../../store/spans.ts";
import { answerOf, contextOver } from "../calling.ts";
import { shopTrace } from "./populations.ts";

async function analysed(traces: readonly (readonly Span[])[], id = 0) {
  const store = memoryStore();
  await store.append(traces.flat());
  const { body } = await answerOf("analyze_trace", { trace_id: traceId(id) }, contextOver(store));
  return body;
}

const usual = (n: number) => shopTrace(n, { ago: n + 1 });

describe("analyze_trace: what others of the same root operation do", () => {
  test("a trace alone has nothing to be compared with", async () => {
    expect(await analysed([usual(0)])).toMatchObject({ coverage: { comparedWith: 0, ratio: null }, missing: [] });
  });

  test("a trace like the others covers all of their operations and calls", async () => {
    const body = await analysed([0, 1, 2].map(usual));
    expect(body).toMatchObject({ coverage: { comparedWith: 2, ratio: 1 }, missing: [] });
  });

  test("what it leaves out is named with its caller", async () => {
    const [root, checkout] = usual(0);
    const body = await analysed([[root, checkout].filter((span) => span !== undefined), usual(1), usual(2)]);
    expect(body).toMatchObject({
      coverage: { comparedWith: 2, ratio: 0.6667 },
      missing: [{ service: "db", operation: "SELECT cart", below: "checkout" }],
    });
  });

  test("traces that begin otherwise, and those of canaries, are not compared with", async () => {
    const begun = usual(1).map((span) => (span.parentSpanId === undefined ? { ...span, name: "GET /other" } : span));
    const canary = usual(2).map((span) => ({ ...span, resource: { ...span.resource, "whetstone.arm": "canary" } }));
    expect(await analysed([usual(0), begun, canary])).toMatchObject({ coverage: { comparedWith: 0, ratio: null } });
  });

  test("at most the newest hundred others are looked at", async () => {
    const body = await analysed(Array.from({ length: 130 }, (_, n) => usual(n)));
    expect(body).toMatchObject({ coverage: { comparedWith: 100, ratio: 1 } });
  });
});
