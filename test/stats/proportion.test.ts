import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { jeffreysInterval, proportionDifferenceInterval, wilsonInterval } from "../../src/stats/proportion.ts";

const proportion = fc
  .tuple(fc.integer({ min: 1, max: 500 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([trials, share]) => ({ successes: Math.round(trials * share), trials }));

describe("wilsonInterval", () => {
  // Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
  test.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])("%p of %p", (...[successes, trials, low, high]) => {
    const interval = wilsonInterval({ successes, trials }, 0.95);
    expect(interval.low).toBeCloseTo(low, 4);
    expect(interval.high).toBeCloseTo(high, 4);
    expect(interval.level).toBe(0.95);
  });
});

describe("jeffreysInterval", () => {
  // Rounded values of the usual tables (Brown, Cai, DasGupta 2001).
  test.each([
    [1, 10, 0.011, 0.3813],
    [0, 10, 0, 0.2172],
    [10, 10, 0.7828, 1],
  ])("%p of %p", (...[successes, trials, low, high]) => {
    const interval = jeffreysInterval({ successes, trials }, 0.95);
    expect(interval.low).toBeCloseTo(low, 3);
    expect(interval.high).toBeCloseTo(high, 3);
  });
});

test("Newcombe's difference: 56/70 against 48/80 (1998, Statistics in Medicine 17:873, method 10)", () => {
  const interval = proportionDifferenceInterval({ successes: 48, trials: 80 }, { successes: 56, trials: 70 }, 0.95);
  expect(interval.low).toBeCloseTo(0.0524, 4);
  expect(interval.high).toBeCloseTo(0.3339, 4);
});

test("every interval lies in its range, holds the estimate, mirrors, and narrows with the level", () => {
  fc.assert(
    fc.property(proportion, ({ successes, trials }) => {
      for (const make of [wilsonInterval, jeffreysInterval]) {
        const { low, high } = make({ successes, trials }, 0.95);
        const share = successes / trials;
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(share + 1e-12);
        expect(high).toBeGreaterThanOrEqual(share - 1e-12);
        const mirrored = make({ successes: trials - successes, trials }, 0.95);
        expect(mirrored.low).toBeCloseTo(1 - high, 9);
        const narrow = make({ successes, trials }, 0.5);
        expect(narrow.high - narrow.low).toBeLessThan(high - low);
      }
    }),
  );
});

test("the difference turns its sign with the arms and contains the observed difference", () => {
  fc.assert(
    fc.property(proportion, proportion, (before, after) => {
      const forward = proportionDifferenceInterval(before, after, 0.9);
      const back = proportionDifferenceInterval(after, before, 0.9);
      const difference = after.successes / after.trials - before.successes / before.trials;
      expect(forward.low).toBeCloseTo(-back.high, 12);
      expect(forward.low).toBeLessThanOrEqual(difference + 1e-12);
      expect(forward.high).toBeGreaterThanOrEqual(difference - 1e-12);
    }),
  );
});

test("refuses counts that are no share", () => {
  expect(() => wilsonInterval({ successes: 3, trials: 2 }, 0.95)).toThrow("3 of 2");
  expect(() => jeffreysInterval({ successes: 0, trials: 0 }, 0.95)).toThrow("0 of 0");
});
