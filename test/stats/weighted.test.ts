import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { quantile, sortedAscending } from "../../src/stats/quantile.ts";
import { effectiveSize, totalWeight, weightedQuantile } from "../../src/stats/weighted.ts";

const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe("weightedQuantile", () => {
  test("with whole weights is the quantile of the values written out", () => {
    const items = fc.array(fc.record({ value, weight: fc.integer({ min: 1, max: 9 }) }), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(items, share, (given, p) => {
        const isPlain = given.every(({ weight }) => weight === given[0]?.weight);
        const written = given.flatMap((one) => Array.from({ length: isPlain ? 1 : one.weight }, () => one.value));
        const expected = quantile(sortedAscending(written), p);
        expect(Math.abs(weightedQuantile(given, p) - expected)).toBeLessThanOrEqual(1e-6 * (1 + Math.abs(expected)));
      }),
      { numRuns: 1_000 },
    );
  });

  test("never decreases with p and stays within the values, for any weights", () => {
    const items = fc.array(fc.record({ value, weight: fc.double({ min: 1, max: 1e6, noNaN: true }) }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(items, share, share, (given, a, b) => {
        const [low, high] = [weightedQuantile(given, Math.min(a, b)), weightedQuantile(given, Math.max(a, b))];
        const values = given.map((one) => one.value);
        expect(low).toBeLessThanOrEqual(high + 1e-6);
        expect(low).toBeGreaterThanOrEqual(Math.min(...values) - 1e-6);
        expect(high).toBeLessThanOrEqual(Math.max(...values) + 1e-6);
      }),
    );
  });

  test("has no value of nothing", () => {
    expect(() => weightedQuantile([], 0.5)).toThrow("No 0.5-quantile");
  });
});

describe("effectiveSize", () => {
  test("is the number of items of one weight, and less when weights differ", () => {
    const weights = fc.array(fc.double({ min: 1, max: 1e3, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(weights, (given) => {
        const size = effectiveSize(given.map((weight) => ({ weight })));
        expect(size).toBeGreaterThanOrEqual(1 - 1e-9);
        expect(size).toBeLessThanOrEqual(given.length + 1e-9);
        expect(effectiveSize(given.map(() => ({ weight: 7 })))).toBe(given.length);
      }),
    );
  });

  test("known value: weights 1 and 3 say as much as 1.6 items", () => {
    expect(effectiveSize([{ weight: 1 }, { weight: 3 }])).toBeCloseTo(1.6);
    expect(totalWeight([{ weight: 1 }, { weight: 3 }])).toBe(4);
  });
});
