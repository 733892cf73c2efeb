import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { binomialCdf, mean, quantile, quantileInterval, sortedAscending } from "../../src/stats/quantile.ts";

describe("quantile", () => {
  test("R's type 7 on its textbook sample", () => {
    const sorted = [1, 2, 3, 4];
    expect([0, 0.25, 0.5, 0.75, 1].map((p) => quantile(sorted, p))).toEqual([1, 1.75, 2.5, 3.25, 4]);
    expect(quantile([15, 20, 35, 40, 50], 0.4)).toBeCloseTo(29, 12);
    expect(quantile([7], 0.99)).toBe(7);
  });

  test("stays inside the values, rises with p, and scales with the unit", () => {
    const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 });
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(values, share, share, (raw, p, q) => {
        // No negative zero: adding 0 makes it 0.
        const sorted = sortedAscending(raw.map((value) => value + 0));
        const [low, high] = [quantile(sorted, Math.min(p, q)), quantile(sorted, Math.max(p, q))];
        expect(low).toBeLessThanOrEqual(high + 1e-6);
        expect(quantile(sorted, 0)).toBe(sorted[0]);
        expect(quantile(sorted, 1)).toBe(sorted.at(-1));
        const doubled = sorted.map((value) => value * 2);
        expect(quantile(doubled, p)).toBeCloseTo(2 * quantile(sorted, p), 6);
      }),
    );
  });

  test("no value, no quantile", () => {
    expect(() => quantile([], 0.5)).toThrow("0 values");
    expect(() => quantile([1], 1.5)).toThrow("1.5-quantile");
  });
});

test("mean and order leave their input alone", () => {
  const values = [3, 1, 2];
  expect(sortedAscending(values)).toEqual([1, 2, 3]);
  expect(values).toEqual([3, 1, 2]);
  expect(mean(values)).toBe(2);
  expect(mean([])).toBeNaN();
});

test("binomialCdf equals the sum of the probabilities", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), fc.double({ min: 0.01, max: 0.99, noNaN: true }), (n, p) => {
      let term = (1 - p) ** n;
      let sum = 0;
      for (let k = 0; k <= n; k++) {
        sum += term;
        expect(binomialCdf(k, n, p)).toBeCloseTo(sum, 11);
        term *= ((n - k) / (k + 1)) * (p / (1 - p));
      }
      expect(binomialCdf(-1, n, p)).toBe(0);
    }),
  );
});

describe("quantileInterval", () => {
  const ranks = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

  test("the published ranks for a median (Hahn & Meeker): 2 and 9 of 10, 40 and 61 of 100", () => {
    expect(quantileInterval(ranks(10), 0.5, 0.95)).toEqual({ low: 2, high: 9, level: 0.95 });
    expect(quantileInterval(ranks(100), 0.5, 0.95)).toEqual({ low: 40, high: 61, level: 0.95 });
  });

  test("is null where the values cannot give the level", () => {
    expect(quantileInterval(ranks(5), 0.5, 0.95)).toBeNull();
    expect(quantileInterval(ranks(6), 0.5, 0.95)).toEqual({ low: 1, high: 6, level: 0.95 });
    expect(quantileInterval(ranks(71), 0.95, 0.95)).toBeNull();
    expect(quantileInterval(ranks(72), 0.95, 0.95)?.high).toBe(72);
  });

  test("covers with at least the level, and would not with ranks one step closer", () => {
    const share = fc.double({ min: 0.05, max: 0.95, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), share, (n, p) => {
        const interval = quantileInterval(ranks(n), p, 0.9);
        if (interval === null) return;
        const { low, high } = interval;
        expect(binomialCdf(low - 1, n, p)).toBeLessThanOrEqual(0.05 + 1e-12);
        expect(1 - binomialCdf(high - 1, n, p)).toBeLessThanOrEqual(0.05 + 1e-12);
        expect(binomialCdf(low, n, p)).toBeGreaterThan(0.05 - 1e-12);
        expect(1 - binomialCdf(high - 2, n, p)).toBeGreaterThan(0.05 - 1e-12);
      }),
    );
  });
});
