import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { countOf, GREATEST_WEIGHT, weightOf } from "../../src/model/sample-weight.ts";

const stated = (weight: unknown) => ({ "whetstone.sample_weight": weight });

test.each([
  [undefined, 1],
  ["4", 1],
  [0.5, 1],
  [-2, 1],
  [Number.NaN, 1],
  [1, 1],
  [2.5, 2.5],
  [Number.POSITIVE_INFINITY, GREATEST_WEIGHT],
  [2e6, GREATEST_WEIGHT],
])("a stated weight of %p counts as %p", (weight, expected) => {
  expect(weightOf(stated(weight))).toBe(expected);
});

describe("countOf", () => {
  test("is one of the two whole numbers around the weight, the same for the same span", () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 1e6, noNaN: true }), fc.string(), (weight, id) => {
        const count = countOf(stated(weight), id);
        expect([Math.floor(weight), Math.ceil(weight)]).toContain(count);
        expect(countOf(stated(weight), id)).toBe(count);
      }),
    );
  });

  test("has the weight as its mean, over random ids and over ids in a row", () => {
    const mean = (weight: number, id: (n: number) => string): number => {
      const counts = Array.from({ length: 20_000 }, (_, n) => countOf(stated(weight), id(n)));
      return counts.reduce((sum, count) => sum + count, 0) / counts.length;
    };
    for (const weight of [1.01, 4 / 3, 2.5, 10 / 3, 7.999]) {
      // Standard error at most 0.5 / sqrt(20,000) = 0.0035.
      expect(mean(weight, (n) => n.toString(16).padStart(16, "0"))).toBeCloseTo(weight, 1.7);
      expect(Math.abs(mean(weight, (n) => `${Math.imul(n, 2_654_435_761) >>> 0}`) - weight)).toBeLessThan(0.02);
    }
  });
});
