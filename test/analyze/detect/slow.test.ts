import { describe, expect, test } from "@jest/globals";
import { detectSlowOperations, type SlowOptions } from "../../../src/analyze/detect/slow.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import { Finding } from "../../../src/model/finding.ts";
import type { Span } from "../../../src/model/span.ts";
import { repeat, toolCall, type Plan } from "../population.ts";

const detect = (spans: readonly Span[], options?: SlowOptions): Finding[] =>
  detectSlowOperations(groupTraces(spans), options);
const quick = (tool: string, from: number): Span[] => repeat(20, () => toolCall(tool, 10), from);
const report = (i: number): Plan =>
  toolCall("report", 100 + i, {
    children: [
      { name: "render", at: 1, ms: 80 },
      { name: "beside", at: 1, ms: 60 },
    ],
  });

describe("detectSlowOperations", () => {
  test("a tool that takes most of the time and is far slower than its peers", () => {
    const [finding, ...rest] = detect([...quick("get", 0), ...quick("list", 100), ...repeat(20, report, 200)]);
    expect(rest).toEqual([]);
    expect(Finding.parse(finding)).toMatchObject({
      id: "slow_operation:notes:tools/call report",
      metric: "duration_ms",
      baseline: 10,
      gainMs: 99.5,
      samples: 20,
      severity: "major",
      child: "render",
    });
    expect(finding?.value).toBeCloseTo(118.05, 10);
    expect(finding?.confidence).toBeLessThanOrEqual(0.4);
    expect(finding?.suggestion).toContain("is spent in render");
  });

  test("operations alike are not slow", () => {
    expect(detect(["a", "b", "c"].flatMap((tool, i) => quick(tool, i * 100)))).toEqual([]);
  });

  test("without peers nothing can be compared", () => {
    expect(detect([...quick("get", 0), ...repeat(20, report, 200)])).toEqual([]);
    expect(detect([...quick("get", 0), ...repeat(20, report, 200)], { minPeers: 1 })).toHaveLength(1);
  });

  test("a few calls are not judged", () => {
    const peers = [...quick("get", 0), ...quick("list", 100)];
    expect(detect([...peers, ...repeat(9, report, 200)])).toEqual([]);
    expect(detect([...peers, ...repeat(10, report, 200)])).toHaveLength(1);
  });

  test("requests of another MCP method are no peers", () => {
    const pings = ["ping", "initialize"].flatMap((name, i) =>
      repeat(20, () => ({ name, kind: "server", at: 0, ms: 1, attributes: { "mcp.method.name": name } }), i * 100),
    );
    expect(detect([...pings, ...repeat(20, report, 200)])).toEqual([]);
  });

  test("a slow operation that is hardly ever called is not worth it", () => {
    const many = ["a", "b"].flatMap((tool, i) => repeat(400, () => toolCall(tool, 10), i * 1000));
    expect(detect([...many, ...repeat(12, report, 5000)])).toEqual([]);
  });

  test("time inside another service belongs to that service", () => {
    const ask: Plan = {
      name: "ask",
      service: "front",
      kind: "server",
      at: 0,
      ms: 102,
      children: [{ name: "answer", service: "back", kind: "server", at: 1, ms: 100 }],
    };
    const others = ["a", "b"].flatMap((name, i) =>
      repeat(20, () => ({ name, service: "front", kind: "server", at: 0, ms: 2 }), 100 + i * 100),
    );
    expect(detect([...repeat(20, () => ask), ...others]).map(({ id }) => id)).toEqual(["slow_operation:back:answer"]);
  });
});
