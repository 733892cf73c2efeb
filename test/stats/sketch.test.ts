import { describe, expect, test } from "@jest/globals";
import { DDSketch } from "@datadog/sketches-js";
import fc from "fast-check";
import {
  addToSketch,
  mergeIntoSketch,
  SKETCH_ERROR,
  sketchBin,
  sketchCount,
  sketchQuantiles,
  sketchSum,
  type Sketch,
} from "../../src/stats/sketch.ts";

/** Durations in ns: zero, the least, the greatest, and everything between on a logarithmic scale. */
const duration = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, Number.MAX_SAFE_INTEGER),
  fc.nat(1_000),
  fc
    .double({ min: 0, max: 36.7, noNaN: true })
    .map((power) => Math.min(Number.MAX_SAFE_INTEGER, Math.round(Math.exp(power)))),
);
const durations = fc.array(duration, { minLength: 1, maxLength: 200 });
const rank = fc.double({ min: 0, max: 1, noNaN: true });

function sketchOf(values: readonly number[]): Sketch {
  const sketch = new Map<number, number>();
  for (const value of values) addToSketch(sketch, sketchBin(value));
  return sketch;
}

const within = (estimate: number, exact: number): boolean =>
  Math.abs(estimate - exact) <= exact * (SKETCH_ERROR + 1e-6);

describe("a sketch", () => {
  test("has every quantile within its error", () => {
    fc.assert(
      fc.property(durations, rank, (values, q) => {
        const exact = values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))] ?? Number.NaN;
        const [estimate = Number.NaN] = sketchQuantiles(sketchOf(values), [q]);
        expect({ exact, estimate, within: within(estimate, exact) }).toMatchObject({ within: true });
      }),
      { numRuns: 2_000 },
    );
  });

  test("has the quantiles of the published implementation", () => {
    fc.assert(
      fc.property(durations, rank, (values, q) => {
        const theirs = new DDSketch({ relativeAccuracy: SKETCH_ERROR });
        for (const value of values) theirs.accept(value);
        const [ours = Number.NaN] = sketchQuantiles(sketchOf(values), [q]);
        // Two ways to a power of γ differ in the last digits.
        expect(ours).toBeCloseTo(theirs.getValueAtQuantile(q), -Math.log10(ours + 1) + 6);
      }),
      { numRuns: 500 },
    );
  });

  test("is the same for any order and any grouping of the values", () => {
    fc.assert(
      fc.property(durations, durations, durations, (a, b, c) => {
        const merged = new Map<number, number>();
        for (const part of [c, a, b]) mergeIntoSketch(merged, sketchOf(part));
        expect(merged).toEqual(sketchOf([...a, ...b, ...c]));
        expect(sketchCount(merged)).toBe(a.length + b.length + c.length);
      }),
    );
  });

  test("has the sum within its error", () => {
    fc.assert(
      fc.property(durations, (values) => {
        const exact = values.reduce((sum, value) => sum + value, 0);
        expect(within(sketchSum(sketchOf(values)), exact)).toBe(true);
      }),
    );
  });

  test("knows zero exactly, and needs fewer than 2,000 bins", () => {
    expect(sketchBin(0)).toBe(0);
    expect(sketchBin(1)).toBe(1);
    expect(sketchBin(Number.MAX_SAFE_INTEGER)).toBeLessThan(2_000);
    expect(sketchQuantiles(sketchOf([0, 0, 7]), [0, 0.5])).toEqual([0, 0]);
  });

  test("has bins that ascend with the values", () => {
    fc.assert(
      fc.property(duration, duration, (a, b) => {
        expect(sketchBin(Math.min(a, b))).toBeLessThanOrEqual(sketchBin(Math.max(a, b)));
      }),
    );
  });

  test("without values, and ranks outside of [0, 1], are a defect", () => {
    expect(() => sketchQuantiles(new Map(), [0.5])).toThrow(expect.objectContaining({ code: "defect" }));
    for (const q of [-0.1, 1.1, Number.NaN]) {
      expect(() => sketchQuantiles(sketchOf([1]), [q])).toThrow(expect.objectContaining({ code: "defect" }));
    }
  });
});
