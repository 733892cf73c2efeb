import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { judgeMetric, judgeRelation } from "../../../src/analyze/regressions/judge.ts";
import type { Measured } from "../../../src/analyze/regressions/measured.ts";
import { isWithin, REGRESSION_DEFAULTS } from "../../../src/analyze/regressions/options.ts";
import type { Relation } from "../../../src/analyze/regressions/structure.ts";

const options = REGRESSION_DEFAULTS;
const latency = (before: number, after: number, high: number): Measured => ({
  metric: "p50_ms",
  before,
  after,
  change: after / before - 1,
  interval: { low: -0.5, high, level: 0.95 },
  test: { p: 0.5, least: 0 },
});
const sure = { adjustedP: 0.001, traces: 50 };
const unsure = { adjustedP: 0.4, traces: 50 };
const verdictOf = (row: Measured, certainty = sure) => judgeMetric(row, certainty, options).verdict;

describe("isWithin", () => {
  test.each([
    [100, 126, true],
    [100, 127, false],
    [126, 100, true],
    [0.2, 0.9, true],
    [0, 0, true],
  ])("20 %% and 1 ms: %d and %d are equal: %s (as in Tempo's diff)", (a, b, equal) => {
    expect(isWithin(a, b, { relative: 0.2, absolute: 1 })).toBe(equal);
  });

  test("is the same both ways and under a larger tolerance", () => {
    const value = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(value, value, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, relative) => {
        const tolerance = { relative, absolute: 1 };
        expect(isWithin(a, b, tolerance)).toBe(isWithin(b, a, tolerance));
        if (isWithin(a, b, tolerance)) expect(isWithin(a, b, { relative, absolute: 2 })).toBe(true);
      }),
    );
  });
});

describe("judgeMetric", () => {
  test("sure and beyond the tolerance fails", () => {
    expect(judgeMetric(latency(100, 200, 1.2), sure, options)).toEqual({
      verdict: "fail",
      reasons: ["latency_regressed"],
    });
  });

  test("fails with few traces too: the test is exact at any number", () => {
    expect(verdictOf(latency(100, 200, 1.2), { adjustedP: 0.001, traces: 6 })).toBe("fail");
  });

  test("beyond the tolerance but unsure is undecided", () => {
    expect(judgeMetric(latency(100, 200, 1.2), unsure, options)).toEqual({
      verdict: "inconclusive",
      reasons: ["undecided"],
    });
  });

  test("sure but within the tolerance passes where the interval rules the worst out", () => {
    expect(verdictOf(latency(100, 120, 0.3))).toBe("pass");
    // Twice as long, and 1 ms: the most that a pass lets open.
    expect(verdictOf(latency(100, 120, 1.02))).toBe("pass");
    expect(verdictOf(latency(100, 120, 1.03))).toBe("inconclusive");
  });

  test("better passes, however it varies", () => {
    expect(verdictOf(latency(100, 50, -0.1))).toBe("pass");
  });

  test("too few traces, or an interval of a lower level, never pass", () => {
    expect(judgeMetric(latency(100, 100, 0.01), { adjustedP: 1, traces: 9 }, options).reasons).toEqual([
      "evidence_insufficient",
    ]);
    const row = latency(100, 100, 0.01);
    expect(verdictOf({ ...row, interval: { low: 0, high: 0.01, level: 0.9 } })).toBe("inconclusive");
    expect(verdictOf({ ...latency(100, 100, 0.01), interval: null })).toBe("inconclusive");
  });

  test.each([
    ["error_rate", 0.02, "errors_regressed"],
    ["calls_per_trace", 0.5, "calls_regressed"],
  ] as const)("%s has its own tolerance and reason", (metric, change, reason) => {
    const row = {
      metric,
      before: 1,
      after: 1 + change,
      change,
      interval: { low: 0, high: 0.05, level: 0.95 },
      test: { p: 0, least: 0 },
    };
    expect(judgeMetric(row, sure, options)).toEqual({ verdict: "fail", reasons: [reason] });
    expect(judgeMetric({ ...row, after: 1.005, change: 0.005 }, sure, options).verdict).toBe("pass");
  });

  test("more evidence against never makes a verdict better", () => {
    const rank = { pass: 0, inconclusive: 1, fail: 2 } as const;
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const given = fc.record({
      after: fc.integer({ min: 2, max: 1_000 }),
      ps: fc.tuple(share, share),
      traces: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(given, ({ after, ps, traces }) => {
        const row = latency(100, after, after / 100);
        const verdict = (adjustedP: number) => rank[verdictOf(row, { adjustedP, traces })];
        expect(verdict(Math.min(...ps))).toBeGreaterThanOrEqual(verdict(Math.max(...ps)));
      }),
    );
  });
});

describe("judgeRelation", () => {
  const relation = (over: Partial<Relation>): Relation => ({
    kind: "share",
    parent: "p",
    child: "c",
    before: 1,
    after: 0.5,
    test: { p: 0, least: 0 },
    ...over,
  });

  test("within the tolerance nothing changed, however sure", () => {
    expect(judgeRelation(relation({ after: 0.92 }), 0, options)).toBeNull();
    expect(judgeRelation(relation({ kind: "multiplicity", before: 10, after: 12 }), 0, options)).toBeNull();
  });

  test("beyond it: sure fails, unsure is undecided", () => {
    expect(judgeRelation(relation({}), 0.01, options)).toEqual({ verdict: "fail", reasons: ["structure_changed"] });
    expect(judgeRelation(relation({}), 0.06, options)).toEqual({ verdict: "inconclusive", reasons: ["undecided"] });
  });

  test("fewer calls of a kind and calls at the same time are no regression", () => {
    expect(judgeRelation(relation({ kind: "multiplicity", before: 9, after: 1 }), 0, options)?.verdict).toBe("pass");
    expect(judgeRelation(relation({ kind: "multiplicity", before: 1, after: 9 }), 0, options)?.verdict).toBe("fail");
    expect(judgeRelation(relation({ kind: "order", before: 1, after: 0 }), 0, options)?.verdict).toBe("pass");
    expect(judgeRelation(relation({ kind: "order", before: 0, after: 1 }), 0, options)?.verdict).toBe("fail");
  });
});
