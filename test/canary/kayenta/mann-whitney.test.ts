import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { mannWhitneyShift, rankSum, ranks } from "../../../src/canary/kayenta/mann-whitney.ts";
import { zeroin } from "../../../src/canary/kayenta/zeroin.ts";

const root = (f: (x: number) => number, low: number, high: number): number =>
  zeroin(f, { low, high, atLow: f(low), atHigh: f(high) });

describe("zeroin", () => {
  test("finds roots to the absolute tolerance, whatever their size", () => {
    expect(Math.abs(root((x) => x * x - 2, 0, 2) - Math.SQRT2)).toBeLessThan(1e-4);
    expect(Math.abs(root((x) => Math.cos(x) - x, 0, 1) - 0.7390851332151607)).toBeLessThan(1e-4);
    expect(Math.abs(root((x) => x ** 3 - 1e9, 0, 1e4) - 1000)).toBeLessThan(1e-4);
  });

  test("takes an end that is a root, and does not insist on a change of sign", () => {
    expect(root((x) => x, 0, 1)).toBe(0);
    expect(root((x) => x - 1, 0, 1)).toBe(1);
    expect(Number.isFinite(root((x) => x * x + 1, -1, 1))).toBe(true);
  });

  test("stays within the bracket and within the tolerance of a step function's jump", () => {
    fc.assert(
      fc.property(fc.double({ min: -50, max: 50, noNaN: true }), (jump) => {
        const found = root((x) => (x < jump ? 1 : -1), -60, 70);
        expect(Math.abs(found - jump)).toBeLessThanOrEqual(1.1e-4);
      }),
    );
  });
});

describe("ranks", () => {
  test("ties share the mean of their ranks", () => {
    expect(ranks([10, 20, 10, 5])).toEqual([2.5, 4, 2.5, 1]);
    expect(ranks([3, 3, 3])).toEqual([2, 2, 2]);
    expect(ranks([])).toEqual([]);
    expect(rankSum({ x: [5, 1], y: [3] })).toBe(4);
  });

  test("add up to n (n + 1) / 2 and keep the order", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), (values) => {
        const found = ranks(values);
        expect(found.reduce((a, b) => a + b, 0)).toBeCloseTo((values.length * (values.length + 1)) / 2, 9);
        for (const [i, value] of values.entries()) {
          for (const [j, other] of values.entries()) {
            expect(Math.sign((found[i] ?? 0) - (found[j] ?? 0))).toBe(Math.sign(value - other));
          }
        }
      }),
    );
  });
});

describe("mannWhitneyShift", () => {
  test("the case of Kayenta's own tests: limits 6 and 39, estimate 22.5, at 95 %", () => {
    const shift = mannWhitneyShift({ x: [10, 20, 30, 40], y: [1, 2, 3, 4] }, 0.95);
    expect(shift?.lower).toBeCloseTo(6, 3);
    expect(shift?.upper).toBeCloseTo(39, 3);
    expect(shift?.estimate).toBeCloseTo(22.5, 3);
  });

  test("all observations tied somewhere: no interval", () => {
    expect(mannWhitneyShift({ x: [5], y: [3] }, 0.98)).toBeUndefined();
    expect(mannWhitneyShift({ x: [5, 5], y: [3, 3] }, 0.98)).toBeUndefined();
  });

  test("moves with the values, turns its sign with the arms, and holds the shift that was put in", () => {
    const values = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 6, maxLength: 25 });
    fc.assert(
      fc.property(values, values, fc.integer({ min: -500, max: 500 }), (x, y, by) => {
        const shift = mannWhitneyShift({ x, y }, 0.98);
        if (shift === undefined) return;
        const moved = mannWhitneyShift({ x: x.map((v) => v + by), y }, 0.98);
        expect(moved?.lower).toBeCloseTo(shift.lower + by, 2);
        expect(moved?.upper).toBeCloseTo(shift.upper + by, 2);
        const turned = mannWhitneyShift({ x: y, y: x }, 0.98);
        expect(turned?.lower).toBeCloseTo(-shift.upper, 2);
        expect(shift.lower).toBeLessThanOrEqual(shift.upper + 1e-3);
      }),
    );
  });
});
