import { describe, expect, test } from "@jest/globals";
import { compareSets } from "../../../src/analyze/regressions/compare.ts";
import { groupTraces } from "../../../src/analyze/tree.ts";
import { alertsOf, type Seen } from "../../../src/loop/monitor/alerts.ts";
import { Severity } from "../../../src/model/finding.ts";
import { finding } from "../../actions/report.ts";
import { repeat, toolCall } from "../../analyze/population.ts";
import fc from "../../support/fast-check.ts";
import { evidence, slow } from "./seen.ts";

const RULES = { least: "major", expectTraffic: true } as const;
const keys = (seen: Seen): string[] => alertsOf(seen, RULES).map(({ key }) => key);

describe("alertsOf", () => {
  test("nothing found is nothing told", () => {
    expect(alertsOf({ evidence: evidence(), held: [] }, RULES)).toEqual([]);
  });

  test("a finding tells what it measured, with a trace that shows it", () => {
    const traceId = "a".repeat(32);
    const found = evidence({ findings: [finding("search", { traceIds: [traceId] })] });
    expect(alertsOf({ evidence: found, held: [] }, RULES)).toEqual([
      {
        key: expect.stringMatching(/^[0-9a-f]{16}$/),
        severity: "major",
        reason: "problem_found",
        text: "slow_operation in search: duration_ms 121 over 40 calls. Read files once.",
        traceId,
      },
    ]);
  });

  test("the same problem keeps its key whatever its numbers; a graver one is another", () => {
    const [first] = keys(slow("search"));
    const worse = evidence({ findings: [finding("search", { value: 300, samples: 9 })] });
    expect(keys({ evidence: worse, held: [] })).toEqual([first]);
    const graver = evidence({ findings: [finding("search", { severity: "critical" })] });
    expect(keys({ evidence: graver, held: [] })).not.toEqual([first]);
  });

  test.each(Severity.options)("with `severity: %s` lesser findings are not told", (least) => {
    const findings = Severity.options.map((severity) => finding(severity, { severity }));
    const told = alertsOf({ evidence: evidence({ findings }), held: [] }, { ...RULES, least });
    expect(told.map(({ severity }) => severity)).toEqual(
      Severity.options.slice(Severity.options.indexOf(least)).toReversed(),
    );
  });

  test("a window without a trace is told where traffic is expected", () => {
    const silent = { evidence: evidence({ traces: 0, spans: 0 }), held: [] };
    expect(alertsOf(silent, RULES)).toMatchObject([{ reason: "evidence_insufficient", severity: "major" }]);
    expect(alertsOf(silent, { ...RULES, expectTraffic: false })).toEqual([]);
  });

  test("an operation that became worse is told once, however many of its metrics did", () => {
    const before = groupTraces(repeat(120, (i) => toolCall("search", 50 + (i % 7))));
    const after = groupTraces(repeat(120, (i) => toolCall("search", 150 + (i % 7))));
    const regressions = compareSets(before, after, { alpha: 0.001 });
    const failed = regressions.operations.filter(({ verdict }) => verdict === "fail");
    expect(failed.length).toBeGreaterThan(2);
    const told = alertsOf({ evidence: evidence(), held: [], regressions }, RULES);
    expect(told.map(({ reason }) => reason)).toEqual(["latency_regressed", "latency_regressed"]);
    expect(told.map(({ text }) => text).join("\n")).toMatch(
      /tools\/call search became worse: \w+_ms \d+.* before, \d+/,
    );
    const same = compareSets(before, before, { alpha: 0.001 });
    expect(alertsOf({ evidence: evidence(), held: [], regressions: same }, RULES)).toEqual([]);
  });

  test("a promoted change whose effect has gone is told; one that holds or is unknown is not", () => {
    const check = (verdict: "held" | "faded" | "unknown") => ({
      verdict,
      proposal: `p-${verdict}`,
      promotedAt: "2026-11-01T10:00:00.000Z",
      details: ["p50_ms of search: 0 % in traffic"],
      observed: [],
    });
    const held = [check("held"), check("faded"), check("unknown")];
    const told = alertsOf({ evidence: evidence(), held }, RULES);
    expect(told.map(({ text }) => text)).toEqual([expect.stringContaining("p-faded")]);
  });

  test("keys are distinct and the worst come first, whatever was found", () => {
    const anything = fc.record({
      operation: fc.string(),
      severity: fc.constantFrom(...Severity.options),
      value: fc.double({ noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(anything), (found) => {
        const findings = found.map(({ operation, ...more }) => finding(operation, more));
        const told = alertsOf({ evidence: evidence({ findings }), held: [] }, { ...RULES, least: "info" });
        expect(new Set(told.map(({ key }) => key)).size).toBe(told.length);
        const ranks = told.map(({ severity }) => Severity.options.indexOf(severity));
        expect(ranks).toEqual(ranks.toSorted((a, b) => b - a));
      }),
    );
  });
});
