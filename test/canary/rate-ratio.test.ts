import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { rateRatio, rateRatioInterval } from "../../src/canary/rate-ratio.ts";

const at = (share: number, canary: number, baseline: number) => ({
  prior: share,
  stages: [{ share, canary, baseline }],
});

test("the worked examples: 5.4 in 1.01–23.6, and 0.64 in 0.21–1.77", () => {
  expect(rateRatio(at(0.1, 6, 10))).toBeCloseTo(5.4, 9);
  const harmed = rateRatioInterval(at(0.1, 6, 10), 0.95);
  expect(harmed?.low).toBeCloseTo(1.01, 2);
  expect(harmed?.high).toBeCloseTo(23.6, 1);
  expect(rateRatio(at(0.5, 14, 22))).toBeCloseTo(0.636, 3);
  const fine = rateRatioInterval(at(0.5, 14, 22), 0.95);
  expect(fine?.low).toBeCloseTo(0.21, 2);
  expect(fine?.high).toBeCloseTo(1.77, 2);
});

test("no event, no ratio; events in one arm give a finite ratio and no bound on that side", () => {
  expect(rateRatio(at(0.5, 0, 0))).toBeNull();
  expect(rateRatioInterval(at(0.5, 0, 0), 0.95)).toBeNull();
  expect(rateRatio(at(0.5, 4, 0))).toBeCloseTo(9, 9);
  expect(rateRatioInterval(at(0.5, 4, 0), 0.95)).toBeNull();
  expect(rateRatio(at(0.5, 0, 4))).toBeCloseTo(1 / 9, 9);
  const below = rateRatioInterval(at(0.5, 0, 30), 0.95);
  expect(below?.low).toBe(0);
  expect(below?.high).toBeLessThan(1);
});

test("the interval holds the estimate, mirrors with the arms, and narrows with the level", () => {
  const count = fc.integer({ min: 1, max: 300 });
  const share = fc.double({ min: 0.02, max: 0.98, noNaN: true });
  fc.assert(
    fc.property(share, count, count, (w, x, y) => {
      const ratio = rateRatio(at(w, x, y)) ?? Number.NaN;
      expect(ratio / ((x * (1 - w)) / (y * w))).toBeCloseTo(1, 8);
      const interval = rateRatioInterval(at(w, x, y), 0.95);
      const mirrored = rateRatioInterval(at(1 - w, y, x), 0.95);
      if (interval === null || mirrored === null || interval.low === 0) return;
      expect(interval.low).toBeLessThan(ratio);
      expect(interval.high).toBeGreaterThan(ratio);
      expect(mirrored.high * interval.low).toBeCloseTo(1, 5);
      const narrow = rateRatioInterval(at(w, x, y), 0.5);
      expect(narrow?.low).toBeGreaterThan(interval.low);
      expect(narrow?.high).toBeLessThan(interval.high);
    }),
  );
});

test("stages of different shares have one common ratio", () => {
  // Twice the rate in both stages: 0.2 → odds 2 · 0.25, 0.5 → odds 2.
  const stages = [
    { share: 0.2, canary: 30, baseline: 60 },
    { share: 0.5, canary: 80, baseline: 40 },
  ];
  expect(rateRatio({ prior: 0.2, stages })).toBeCloseTo(2, 9);
  const interval = rateRatioInterval({ prior: 0.2, stages }, 0.95);
  expect(interval?.low).toBeGreaterThan(1);
  expect(interval?.high).toBeLessThan(4);
});
