import { describe, expect, test } from "@jest/globals";
import { detectSequentialCalls, type SequentialOptions } from "../../../src/analyze/detect/sequential.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import { Finding } from "../../../src/model/finding.ts";
import type { Span } from "../../../src/model/span.ts";
import { inSequence, repeat, toolCall, type Plan } from "../population.ts";

const detect = (spans: readonly Span[], options?: SequentialOptions): Finding[] =>
  detectSequentialCalls(groupTraces(spans), options);
const inOrder = (names: readonly string[], lengths: readonly number[]): Plan[] => {
  let at = 0.5;
  return names.map((name, i) => {
    const plan = { name, at, ms: lengths[i] ?? 1 };
    at += plan.ms;
    return plan;
  });
};
const overview = (ms: number, children: readonly Plan[]): Plan => toolCall("overview", ms, { children });

describe("detectSequentialCalls", () => {
  const scans = inOrder(["scan_incidents", "scan_tasks", "scan_decisions"], [4, 6, 5]);

  test("gain is the sum minus the longest", () => {
    const [finding, ...rest] = detect(repeat(20, () => overview(20, scans)));
    expect(rest).toEqual([]);
    expect(Finding.parse(finding)).toMatchObject({
      id: "sequential_calls:notes:tools/call overview",
      metric: "duration_ms",
      value: 20,
      baseline: 11,
      gainMs: 9,
      samples: 20,
      severity: "major",
      child: "scan_tasks",
    });
    expect(finding?.suggestion).toContain(
      "runs scan_incidents, then scan_tasks, then scan_decisions one after the other",
    );
    expect(finding?.suggestion).toContain("a call would save about 9 ms");
  });

  test("overlap is no sequence", () => {
    const parallel = scans.map((plan) => ({ ...plan, at: 1 }));
    expect(detect(repeat(20, () => overview(10, parallel)))).toEqual([]);
  });

  test("one operation alone is no sequence, however often it runs", () => {
    expect(detect(repeat(20, () => overview(10, inSequence("read", 5))))).toEqual([]);
  });

  test("an operation that only sometimes runs may need an earlier result", () => {
    const [cache, query] = inOrder(["cache.get", "db.query"], [4, 5]);
    const call = (i: number): Plan =>
      overview(
        10,
        [cache, i % 4 === 0 ? query : undefined].filter((p) => p !== undefined),
      );
    expect(detect(repeat(20, call))).toEqual([]);
  });

  test("a span link shows a dependency", () => {
    const linked = repeat(20, () => overview(20, scans)).map((span, _, all): Span => {
      const earlier = all.find((other) => other.traceId === span.traceId && other.name === "scan_incidents");
      const dependent = span.name === "scan_tasks" || span.name === "scan_decisions";
      if (!dependent || earlier === undefined) return span;
      return { ...span, links: [{ traceId: span.traceId, spanId: earlier.spanId, attributes: {} }] };
    });
    const [finding] = detect(linked);
    expect(finding?.suggestion ?? "").not.toContain("scan_incidents");
    expect(finding?.gainMs).toBe(5);
  });

  test("what N+1 explains is left out", () => {
    const children = [...inSequence("read", 20, { from: 0.5 }), { name: "rank", at: 20.5, ms: 5 }];
    expect(detect(repeat(20, () => overview(30, children)))).toEqual([]);
    expect(
      detect(
        repeat(20, () => overview(30, children)),
        { minRepeats: 100 },
      ),
    ).toHaveLength(1);
  });

  test("failed calls do not count: what did not run after an error says nothing", () => {
    const broken = repeat(10, () => toolCall("overview", 5, { error: true, children: scans.slice(0, 1) }), 20);
    expect(detect([...repeat(20, () => overview(20, scans)), ...broken])).toMatchObject([{ samples: 20, gainMs: 9 }]);
  });

  test("little to save is not reported, nor is an operation too short to matter named", () => {
    expect(detect(repeat(20, () => overview(200, scans)))).toEqual([]);
    const withShort = [...scans, { name: "validate", at: 17, ms: 0.1 }];
    expect(detect(repeat(20, () => overview(20, withShort)))[0]?.suggestion).not.toContain("validate");
  });

  test("too few calls say nothing", () => {
    expect(detect(repeat(4, () => overview(20, scans)))).toEqual([]);
    expect(
      detect(
        repeat(4, () => overview(20, scans)),
        { minCalls: 4 },
      ),
    ).toHaveLength(1);
  });

  test("a changing order shows independence and raises confidence", () => {
    const swapped = inOrder(["scan_decisions", "scan_tasks", "scan_incidents"], [5, 6, 4]);
    const [fixed] = detect(repeat(40, () => overview(20, scans)));
    const [varied] = detect(repeat(40, (i) => overview(20, i % 2 === 0 ? scans : swapped)));
    expect(fixed?.confidence).toBeLessThan(0.5);
    expect(varied?.confidence).toBeGreaterThan((fixed?.confidence ?? 1) * 1.5);
  });

  test("of very many operations the fifty longest are compared", () => {
    const steps = inOrder(
      Array.from({ length: 60 }, (_, i) => `step${i}`),
      Array.from({ length: 60 }, (_, i) => 1 + i / 100),
    );
    const [finding] = detect(repeat(10, () => overview(45, steps)));
    expect(finding?.suggestion).toContain("runs step10, then step11,");
    expect(finding?.suggestion).toContain(" and 45 more one after the other");
  });

  test("many operations, each missing in another call, do not trip it up", () => {
    const names = Array.from({ length: 40 }, (_, i) => `step${i}`);
    const call = (i: number): Plan =>
      overview(
        42,
        inOrder(names, []).filter((_, j) => j !== i),
      );
    expect(detect(repeat(40, call))).toHaveLength(1);
  });
});
