import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { holmAdjusted } from "../../src/stats/multiple.ts";

const able = (ps: readonly number[]) => ps.map((p) => ({ p, least: 0 }));

describe("holmAdjusted", () => {
  test("R: p.adjust(c(0.01, 0.02, 0.03, 0.04), 'holm'), in any order", () => {
    const adjusted = holmAdjusted(able([0.04, 0.01, 0.03, 0.02]), 0.05);
    for (const [i, expected] of [0.06, 0.04, 0.06, 0.06].entries()) expect(adjusted[i]).toBeCloseTo(expected, 12);
  });

  test("tests that could never be significant take no part", () => {
    const hopeless = Array.from({ length: 100 }, () => ({ p: 0.5, least: 0.3 }));
    const [first] = holmAdjusted([{ p: 0.02, least: 0 }, ...hopeless], 0.05);
    expect(first).toBe(0.02);
    expect(holmAdjusted(hopeless, 0.05)).toEqual(hopeless.map(() => 1));
  });

  test("never below the p-value, never more hopeful than one test alone, in the order of the p-values", () => {
    const test01 = fc.double({ min: 0, max: 1, noNaN: true });
    const tests = fc.array(fc.record({ p: test01, least: test01 }), { maxLength: 30 });
    fc.assert(
      fc.property(tests, (given) => {
        const consistent = given.map(({ p, least }) => ({ p: Math.max(p, least), least }));
        const adjusted = holmAdjusted(consistent, 0.05);
        for (const [i, { p }] of consistent.entries()) {
          expect(adjusted[i]).toBeGreaterThanOrEqual(p);
          for (const [j, other] of consistent.entries()) {
            const both = (adjusted[i] ?? 1) < 1 && (adjusted[j] ?? 1) < 1;
            if (both && p < other.p) expect(adjusted[i]).toBeLessThanOrEqual(adjusted[j] ?? 0);
          }
        }
      }),
    );
  });
});
