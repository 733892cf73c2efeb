import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { permutationUpperTail } from "../../src/stats/permutation.ts";
import { createRandom, randomNormal } from "../../src/stats/random.ts";

/** Every division of the pool, counted. */
function exactTail(before: readonly number[], after: readonly number[]): number {
  const pool = [...before, ...after];
  const observed = after.reduce((sum, value) => sum + value, 0);
  let [hits, all] = [0, 0];
  const choose = (from: number, left: number, sum: number): void => {
    if (left === 0) {
      all += 1;
      if (sum >= observed - 1e-9) hits += 1;
      return;
    }
    for (let i = from; i <= pool.length - left; i += 1) choose(i + 1, left - 1, sum + (pool[i] ?? 0));
  };
  choose(0, after.length, 0);
  return hits / all;
}

const marks = (zeros: number, ones: number): number[] => [...Array(zeros).fill(0), ...Array(ones).fill(1)];

describe("permutationUpperTail", () => {
  test("two scores: Fisher's exact test (6 bad of 60 against 10 of 540; canary-statistics, section 4)", () => {
    const { p } = permutationUpperTail([{ before: marks(530, 10), after: marks(54, 6) }]);
    expect(p).toBeCloseTo(0.00282, 5);
  });

  test("two scores: Fisher's lady tasting tea, 3 of 4 and 4 of 4 cups", () => {
    expect(permutationUpperTail([{ before: marks(3, 1), after: marks(1, 3) }]).p).toBeCloseTo(17 / 70, 12);
    expect(permutationUpperTail([{ before: marks(4, 0), after: marks(0, 4) }])).toEqual({
      p: expect.closeTo(1 / 70, 12),
      least: expect.closeTo(1 / 70, 12),
    });
  });

  test("a tail far below what doubles resolve by subtraction keeps its precision", () => {
    const { p } = permutationUpperTail([{ before: marks(500, 0), after: marks(0, 500) }]);
    // ln(1 / C(1000, 500)) by Stirling's series.
    expect(Math.log(p)).toBeCloseTo(-689.467, 2);
  });

  test("many scores: within 20 % of the exact tail, small tails too", () => {
    const random = createRandom("permutation");
    for (let run = 0; run < 40; run += 1) {
      const before = Array.from({ length: 9 }, () => randomNormal(random));
      const after = Array.from({ length: 9 }, () => randomNormal(random) + run / 20);
      const exact = exactTail(before, after);
      if (exact > 0.4) continue;
      // An atom of 1 / C(18, 9) is added where the tail is only some atoms long.
      expect(Math.abs(permutationUpperTail([{ before, after }]).p - exact)).toBeLessThan(0.2 * exact + 2 / 48_620);
    }
  });

  test("counts: with their step the tail is not below the exact one by more than 15 %", () => {
    const random = createRandom("counts");
    for (let run = 0; run < 60; run += 1) {
      const draw = (extra: number): number => Math.floor(random.uniform() ** 2 * 4 + extra);
      const before = Array.from({ length: 9 }, () => draw(0));
      const after = Array.from({ length: 9 }, () => draw(run / 50));
      const { p } = permutationUpperTail([{ before, after }], 1);
      expect(p).toBeGreaterThan(0.85 * exactTail(before, after) - 2 / 48_620);
    }
  });

  test("equal scores tell nothing", () => {
    expect(permutationUpperTail([{ before: [3, 3], after: [3, 3, 3] }])).toEqual({ p: 1, least: 1 });
  });

  test("neither order nor a shift or positive scale of all scores matters; p lies between least and 1", () => {
    const scores = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 15 });
    fc.assert(
      fc.property(scores, scores, fc.integer({ min: 1, max: 9 }), (before, after, scale) => {
        const { p, least } = permutationUpperTail([{ before, after }]);
        expect(p).toBeGreaterThanOrEqual(least * (1 - 1e-9));
        expect(p).toBeLessThanOrEqual(1);
        const moved = (values: readonly number[]) => values.toReversed().map((value) => value * scale + 7);
        const again = permutationUpperTail([{ before: moved(before), after: moved(after) }]);
        expect(again.p).toBeCloseTo(p, 6);
      }),
    );
  });

  test("a sample without a unit is a bug of the caller", () => {
    expect(() => permutationUpperTail([{ before: [], after: [1] }])).toThrow(/two samples/);
  });
});
