import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FAULTS, healthySpans } from "../../bench/accuracy/faults.ts";
import { judge } from "../../bench/accuracy/findings.ts";
import { findProblems } from "../../src/analyze/findings.ts";
import { groupTraces } from "../../src/analyze/tree.ts";
import { Finding } from "../../src/model/finding.ts";

describe("faults put into made-up systems", () => {
  test("there are thirty kinds of them or more, each with a name of its own", () => {
    expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length);
    expect(FAULTS.length).toBeGreaterThanOrEqual(30);
  });

  test.each(FAULTS.map((fault) => [fault.name, fault] as const))("%s: found, and nothing else", (_name, { inject }) => {
    for (const seed of ["train-100", "train-101"]) {
      const { found, wrong } = judge(inject(seed));
      expect({ found, wrong: wrong.map(({ id }) => id) }).toEqual({ found: true, wrong: [] });
    }
  });

  test("property: healthy systems yield nothing", () => {
    fc.assert(
      fc.property(fc.nat(), (n) => {
        expect(findProblems(groupTraces(healthySpans(`train-property-${n}`)))).toEqual([]);
      }),
      { numRuns: 25, seed: 3 },
    );
  });

  test("every finding parses, says what to do, and gains no more than its longest trace", () => {
    for (const { inject } of FAULTS) {
      const { spans } = inject("train-102");
      const traces = groupTraces(spans);
      const longest = Math.max(...traces.map(({ durationNs }) => durationNs / 1e6));
      for (const finding of findProblems(traces)) {
        expect(Finding.parse(finding)).toEqual(finding);
        expect(finding.suggestion.length).toBeGreaterThan(60);
        expect(finding.gainMs).toBeLessThanOrEqual(longest);
      }
    }
  });
});
