import { describe, expect, test } from "@jest/globals";
import { effectChart, stageChart } from "../../src/actions/chart.ts";
import type { StageResult } from "../../src/model/dossier.ts";
import fc from "../support/fast-check.ts";
import { effect } from "./report.ts";

const stage = (name: string, verdict: StageResult["verdict"], durationMs: number): StageResult => ({
  stage: name,
  verdict,
  reasons: ["ok"],
  durationMs,
  summary: "",
});

describe("stageChart", () => {
  test("puts the stages one after the other, by how they ended", () => {
    const page = stageChart([stage("gate", "pass", 100.4), stage("detect", "fail", 50), stage("x", "inconclusive", 0)]);
    expect(page).toBe(
      [
        "```mermaid",
        "gantt",
        "  dateFormat x",
        "  axisFormat %M:%S",
        "  1. gate :done, s0, 0, 100",
        "  2. detect :crit, s1, 100, 150",
        "  3. x :active, s2, 150, 151",
        "```",
      ].join("\n"),
    );
  });

  test("one stage needs no picture", () => {
    expect(stageChart([stage("gate", "pass", 1)])).toBe("");
  });
});

describe("effectChart", () => {
  test("shows the 95th percentile of each operation before and after, slowest first", () => {
    const page = effectChart([
      effect("b"),
      { ...effect("a"), before: 200, after: 10.5 },
      { ...effect("c"), metric: "p50_ms" },
    ]);
    expect(page.split("\n").slice(1, -1)).toEqual([
      "xychart-beta",
      '  title "p95 in ms: before (bars) and after (line)"',
      '  x-axis ["a", "b"]',
      '  y-axis "ms"',
      "  bar [200.000, 100.000]",
      "  line [10.500, 50.000]",
    ]);
  });

  test("without latencies there is none; of many the rest is counted", () => {
    expect(effectChart([{ ...effect("a"), metric: "error_rate" }])).toBe("");
    expect(effectChart(Array.from({ length: 15 }, (_, i) => effect(`op${i}`)))).toContain("(3 more in the table)");
  });
});

test("no name ends a chart's line, its quotes or its fence, or is an instruction to Mermaid", () => {
  const name = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom('"]\n```\n', "%%{init: {}}%%", "click a href", "a:b;c#1"),
  );
  fc.assert(
    fc.property(fc.array(name, { minLength: 2, maxLength: 5 }), (names) => {
      const gantt = stageChart(names.map((one) => stage(one, "pass", 5)));
      expect(gantt.split("\n")).toHaveLength(names.length + 5);
      for (const line of gantt.split("\n").slice(4, -1))
        expect(line).toMatch(/^ {2}\d\. [\w./ …-]+ :done, s\d, \d+, \d+$/);
      const bars = effectChart(names.map((one) => effect(one)));
      expect(bars.split("\n")).toHaveLength(8);
      expect(bars.split("\n")[3]).toMatch(/^ {2}x-axis \[("[\w./ …-]+"(, )?)+\]$/);
    }),
  );
});
