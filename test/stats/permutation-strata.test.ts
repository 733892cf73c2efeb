import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { contrast, type Tally } from "../../src/analyze/regressions/contrast.ts";
import { permutationUpperTail, type TwoSamples } from "../../src/stats/permutation.ts";
import { createRandom, randomNormal, type Random } from "../../src/stats/random.ts";

/** Every sum that one stratum can have, once per division of it. */
function sumsOf({ before, after }: TwoSamples): number[] {
  const pool = [...before, ...after];
  const sums: number[] = [];
  for (let chosen = 0; chosen < 2 ** pool.length; chosen += 1) {
    const drawn = pool.filter((_, i) => (chosen >> i) % 2 === 1);
    if (drawn.length === after.length) sums.push(drawn.reduce((sum, value) => sum + value, 0));
  }
  return sums;
}

/** Divisions of all strata whose sum reaches the observed one, counted one by one. */
function exactTail(strata: readonly TwoSamples[]): { readonly p: number; readonly least: number } {
  const observed = strata.flatMap(({ after }) => after).reduce((sum, value) => sum + value, 0);
  const all = strata.map(sumsOf).reduce((sums, more) => sums.flatMap((sum) => more.map((one) => sum + one)));
  const most = all.reduce((a, b) => Math.max(a, b));
  const reach = (bound: number): number => all.filter((sum) => sum >= bound - 1e-9).length / all.length;
  return { p: reach(observed), least: reach(most) };
}

const several = (count: number, draw: () => number): number[] => Array.from({ length: count }, draw);

describe("one sample split into strata", () => {
  test("counts of two values: the smallest p is exact, the tail within a division or 15 %", () => {
    const marks = fc.array(fc.constantFrom(0, 1), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(fc.record({ before: marks, after: marks }), { minLength: 1, maxLength: 3 }), (strata) => {
        const exact = exactTail(strata);
        const found = permutationUpperTail(strata, 1);
        expect(found.least).toBeCloseTo(exact.least, 9);
        expect(found.p).toBeGreaterThan(0.85 * exact.p - 1e-9);
        expect(found.p).toBeLessThan(1.4 * exact.p + 2 * exact.least + 0.05);
      }),
      { numRuns: 300 },
    );
  });

  test("measured values: within 20 % of the exact tail, small tails too", () => {
    const random = createRandom("strata");
    for (let run = 0; run < 40; run += 1) {
      const strata = [0, 50].map((level) => ({
        before: several(5, () => level + randomNormal(random)),
        after: several(5, () => level + randomNormal(random) + run / 15),
      }));
      const { p, least } = exactTail(strata);
      if (p > 0.4) continue;
      expect(Math.abs(permutationUpperTail(strata).p - p)).toBeLessThan(0.2 * p + 10 * least);
    }
  });

  test("skewed values in one stratum, even ones in the other: within 25 % of the exact tail", () => {
    const random = createRandom("skewed");
    for (let run = 0; run < 40; run += 1) {
      const long = (more: number) => () => Math.exp(1.5 * randomNormal(random) + more);
      const strata = [
        { before: several(3, long(0)), after: several(7, long(run / 20)) },
        { before: several(6, () => randomNormal(random)), after: several(3, () => randomNormal(random) + run / 20) },
      ];
      const { p, least } = exactTail(strata);
      if (p > 0.4) continue;
      expect(Math.abs(permutationUpperTail(strata).p - p)).toBeLessThan(0.25 * p + 10 * least);
    }
  });

  test("a level of its own in every stratum changes nothing; nor does a stratum in which all are equal", () => {
    const scores = fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 6 });
    const strata = fc.array(fc.record({ before: scores, after: scores }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(strata, fc.integer({ min: -5, max: 5 }), (given, level) => {
        const moved = given.map(({ before, after }, i) => ({
          before: before.map((score) => score + i * level),
          after: after.map((score) => score + i * level),
        }));
        const { p, least } = permutationUpperTail(given);
        const again = permutationUpperTail([...moved, { before: [level], after: [level, level] }]);
        expect(again.p).toBeCloseTo(p, 6);
        expect(again.least).toBeCloseTo(least, 9);
      }),
    );
  });

  test("the order of strata does not matter", () => {
    const random = createRandom("order");
    const strata = [3, 8, 20].map((size) => ({
      before: several(size, () => randomNormal(random)),
      after: several(size + 2, () => randomNormal(random) + 0.5),
    }));
    expect(permutationUpperTail(strata.toReversed()).p).toBeCloseTo(permutationUpperTail(strata).p, 9);
  });

  test("hundreds of strata with one unit each way are a sign test (10 of 10 pairs worse: 2^-10)", () => {
    const worse = Array.from({ length: 10 }, () => ({ before: [0], after: [1] }));
    const { p, least } = permutationUpperTail(worse);
    expect(p).toBeCloseTo(2 ** -10, 12);
    expect(least).toBeCloseTo(2 ** -10, 12);
    const mixed = [...worse, ...Array.from({ length: 300 }, (_, i) => ({ before: [i % 2], after: [(i + 1) % 2] }))];
    // 160 of 310 fair coins or more: 0.3047 by the binomial distribution.
    expect(permutationUpperTail(mixed, 2).p).toBeGreaterThan(0.28);
    expect(permutationUpperTail(mixed, 2).p).toBeLessThan(0.35);
  });
});

/** Traces of one kind with one call each that fails with a probability. */
function traces(count: number, rate: number, { stratum, random }: { stratum: string; random: Random }): Tally[] {
  return Array.from({ length: count }, () => ({
    unit: { weight: 1, stratum },
    trials: 1,
    sum: Number(random.uniform() < rate),
  }));
}

describe("two kinds of traces that call the same operation", () => {
  test("another mix is no evidence: no more than one in twenty comparisons says so", () => {
    const random = createRandom("mix");
    const runs = 300;
    let [greater, smaller] = [0, 0];
    for (let run = 0; run < runs; run += 1) {
      const side = (calm: number): Tally[] => [
        ...traces(30, 0.4, { stratum: "erring", random }),
        ...traces(calm, 0.001, { stratum: "calm", random }),
      ];
      const found = contrast({ before: side(10), after: side(600) }, 1);
      greater += Number((found?.greater.p ?? 1) <= 0.05);
      smaller += Number((found?.smaller.p ?? 1) <= 0.05);
    }
    // 15 are expected at most; 27 or more of them have a probability below 0.003.
    expect(greater).toBeLessThan(27);
    expect(smaller).toBeLessThan(27);
  });

  test("a change within the smaller kind is found although the other outweighs it", () => {
    const random = createRandom("power");
    const before = [...traces(60, 0.05, { stratum: "few", random }), ...traces(2_000, 0, { stratum: "many", random })];
    const after = [...traces(60, 0.6, { stratum: "few", random }), ...traces(500, 0, { stratum: "many", random })];
    expect(contrast({ before, after }, 1)?.greater.p).toBeLessThan(1e-6);
  });

  test("equal durations that only rounding tells apart are no evidence", () => {
    const calls = (count: number): Tally => ({
      unit: { weight: 1, stratum: "a" },
      trials: count,
      sum: Array.from({ length: count }, () => Math.log(5.3)).reduce((sum, ln) => sum + ln, 0),
    });
    const before = Array.from({ length: 40 }, (_, i) => calls(1 + (i % 3)));
    const after = Array.from({ length: 40 }, (_, i) => calls(7 + (i % 4)));
    expect(contrast({ before, after }, 0)).toMatchObject({ greater: { p: 1, least: 1 }, smaller: { p: 1, least: 1 } });
  });
});
