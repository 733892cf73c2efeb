import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { contrast, mixFactors, type Tally } from "../../../src/analyze/regressions/contrast.ts";

const tally = (trials: number, sum: number, stratum = "a"): Tally => ({
  unit: { weight: 1, stratum },
  trials,
  sum,
});
const many = (count: number, one: Tally): Tally[] =>
  Array.from({ length: count }, () => ({ ...one, unit: { ...one.unit } }));

describe("contrast", () => {
  test("one call per trace is Fisher's exact test (6 of 60 against 10 of 540)", () => {
    const before = [...many(530, tally(1, 0)), ...many(10, tally(1, 1))];
    const after = [...many(54, tally(1, 0)), ...many(6, tally(1, 1))];
    const found = contrast({ before, after }, 1);
    expect(found?.greater.p).toBeCloseTo(0.00282, 5);
    expect(found?.before.ratio).toBeCloseTo(10 / 540, 12);
    expect(found?.after.ratio).toBeCloseTo(0.1, 12);
  });

  test("ten failures in one trace are one trace, in ten traces they are evidence", () => {
    const calm = many(20, tally(10, 0));
    const burst = [...many(19, tally(10, 0)), tally(10, 10)];
    const spread = [...many(10, tally(10, 0)), ...many(10, tally(10, 1))];
    expect(contrast({ before: calm, after: burst }, 1)?.greater.p).toBeCloseTo(0.5, 9);
    expect(contrast({ before: calm, after: spread }, 1)?.greater.p).toBeLessThan(0.001);
  });

  test("a kind of trace that only one set has counts for nothing", () => {
    const shared = many(10, tally(1, 0));
    const foreign = many(10, tally(1, 1, "b"));
    const found = contrast({ before: shared, after: [...shared, ...foreign] }, 1);
    expect(found?.after.ratio).toBe(0);
    expect(found?.greater.p).toBe(1);
    expect(contrast({ before: shared, after: foreign }, 1)).toBeNull();
    expect(contrast({ before: [], after: shared }, 1)).toBeNull();
  });

  test("another mix of kinds is no change (Simpson's paradox)", () => {
    // Both kinds fail as often as before; the kind that fails more has more of the traffic.
    const side = (a: number, b: number) => [...many(a, tally(20, 1)), ...many(b, tally(20, 10, "b"))];
    const found = contrast({ before: side(80, 20), after: side(20, 80) }, 1);
    expect(found?.after.ratio).toBeCloseTo(found?.before.ratio ?? 0, 12);
    expect(found?.greater.p).toBe(1);
  });

  test("traces without trials are no evidence", () => {
    const before = [...many(10, tally(2, 0)), ...many(90, tally(0, 0))];
    expect(contrast({ before, after: many(10, tally(2, 1)) }, 1)?.before.clusters).toBe(10);
  });

  test("turning the sets round turns the tests round", () => {
    const side = fc.array(
      fc.record({
        trials: fc.integer({ min: 1, max: 4 }),
        share: fc.integer({ min: 0, max: 4 }),
        stratum: fc.constantFrom("a", "b"),
      }),
      { minLength: 1, maxLength: 12 },
    );
    const tallies = (given: readonly { trials: number; share: number; stratum: string }[]) =>
      given.map(({ trials, share, stratum }) => tally(trials, Math.min(trials, share), stratum));
    fc.assert(
      fc.property(side, side, (a, b) => {
        const there = contrast({ before: tallies(a), after: tallies(b) }, 1);
        const back = contrast({ before: tallies(b), after: tallies(a) }, 1);
        if (there === null || back === null) return expect(back).toBe(there);
        expect(back.greater.p).toBeCloseTo(there.smaller.p, 9);
        expect(back.before.ratio).toBeCloseTo(there.after.ratio, 9);
      }),
    );
  });
});

describe("mixFactors", () => {
  test("both sets get the mean of their shares", () => {
    const units = (a: number, b: number) =>
      [...many(a, tally(1, 0)), ...many(b, tally(1, 0, "b"))].map(({ unit }) => unit);
    const factors = mixFactors({ before: units(75, 25), after: units(25, 75) });
    expect(factors.get("a")).toEqual({ before: expect.closeTo(2 / 3, 12), after: expect.closeTo(2, 12) });
    expect(factors.get("b")).toEqual({ before: expect.closeTo(2, 12), after: expect.closeTo(2 / 3, 12) });
  });

  test("equal mixes are left alone", () => {
    const units = [tally(1, 0), tally(1, 0, "b"), tally(1, 0, "b")].map(({ unit }) => unit);
    for (const factor of mixFactors({ before: units, after: [...units, ...units] }).values()) {
      expect(factor).toEqual({ before: expect.closeTo(1, 12), after: expect.closeTo(1, 12) });
    }
  });

  test("the weighted shares of the kinds agree after it", () => {
    const units = fc.array(
      fc.record({ weight: fc.integer({ min: 1, max: 9 }), stratum: fc.constantFrom("a", "b", "c") }),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(units, units, (before, after) => {
        const factors = mixFactors({ before, after });
        const shareOf = (
          side: "before" | "after",
          of: readonly { weight: number; stratum: string }[],
          stratum: string,
        ) => {
          const weights = of.map((unit) => unit.weight * (factors.get(unit.stratum)?.[side] ?? 0));
          const own = of.flatMap((unit, i) => (unit.stratum === stratum ? [weights[i] ?? 0] : []));
          return own.reduce((a, b) => a + b, 0) / weights.reduce((a, b) => a + b, 0);
        };
        for (const stratum of factors.keys()) {
          // oxlint-disable-next-line jest/no-conditional-expect
          expect(shareOf("before", before, stratum)).toBeCloseTo(shareOf("after", after, stratum), 9);
        }
      }),
    );
  });
});
