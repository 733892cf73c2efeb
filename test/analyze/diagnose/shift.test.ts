import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { combinedShift, rateShift, shiftOf } from "../../../src/analyze/diagnose/shift.ts";
import type { Weighted } from "../../../src/stats/weighted.ts";
import { createRandom, randomNormal } from "../../../src/stats/random.ts";

const once = (values: readonly number[]): Weighted[] => values.map((value) => ({ value, weight: 1 }));
const values = fc.array(fc.double({ min: 0.1, max: 100, noNaN: true }), { minLength: 6, maxLength: 40 });

describe("shiftOf", () => {
  test("ten values against ten that are all greater: the z of a rank sum without overlap", () => {
    const low = Array.from({ length: 10 }, (_, i) => i + 1);
    const { z, excess, size } = shiftOf(once(low), once(low.map((v) => v + 10)));
    // U = 100, mean 50, variance 10·10·21/12 = 175, nearly: ties and the tail test may only add.
    expect(z).toBeGreaterThanOrEqual(50 / Math.sqrt(175) - 1e-9);
    expect(excess).toBeCloseTo(10, 10);
    expect(size).toBe(5);
  });

  test("the same values are no shift", () => {
    expect(shiftOf(once([1, 2, 3, 4, 5, 6, 7]), once([7, 6, 5, 4, 3, 2, 1])).z).toBeLessThan(0.5);
  });

  test("a few calls far beyond anything before are seen, although ranks hardly move", () => {
    const before = Array.from({ length: 60 }, (_, i) => 5 + (i % 10) * 0.1);
    const after = before.map((value, i) => (i % 10 === 0 ? 200 : value));
    expect(shiftOf(once(before), once(after)).z).toBeGreaterThan(3);
  });

  test("one value on each side: a fiftyfold rise tells something, a stall or a rise by a fifth little", () => {
    expect(shiftOf(once([10]), once([500])).z).toBeGreaterThan(3);
    expect(shiftOf(once([10]), once([50])).z).toBeLessThan(2);
    expect(shiftOf(once([10]), once([12])).z).toBeLessThan(1);
  });

  test("noise alone seldom looks like a shift", () => {
    const random = createRandom("noise");
    const sample = () => once(Array.from({ length: 40 }, () => Math.exp(0.4 * randomNormal(random))));
    const alarms = Array.from({ length: 300 }, () => shiftOf(sample(), sample()).z).filter((z) => z > 2.6);
    expect(alarms.length).toBeLessThanOrEqual(9);
  });

  test("property: equal weights of any size leave ranks and excess as they are", () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const one = shiftOf(once(a), once(b));
        const many = shiftOf(
          a.map((value) => ({ value, weight: 7 })),
          b.map((value) => ({ value, weight: 7 })),
        );
        expect(many.z).toBeCloseTo(one.z, 6);
        expect(many.excess).toBeCloseTo(one.excess, 6);
      }),
    );
  });

  test("property: adding the same to all later values never lowers z", () => {
    fc.assert(
      fc.property(values, values, fc.double({ min: 0, max: 50, noNaN: true }), (a, b, added) => {
        expect(shiftOf(once(a), once(b.map((v) => v + added))).z).toBeGreaterThanOrEqual(
          shiftOf(once(a), once(b)).z - 1e-9,
        );
      }),
    );
  });
});

describe("rateShift", () => {
  test.each([
    { name: "nothing failed before or after", before: [0, 100], after: [0, 100], from: 0, to: 0 },
    { name: "one failure of one is no proof", before: [0.02, 100], after: [1, 1], from: 0, to: 2.2 },
    { name: "the same share", before: [0.1, 100], after: [0.1, 100], from: 0, to: 0.5 },
    { name: "a clear rise", before: [0.02, 100], after: [0.3, 100], from: 4, to: 9 },
  ] as const)("$name", ({ before, after, from, to }) => {
    const z = rateShift({ rate: before[0], size: before[1] }, { rate: after[0], size: after[1] });
    expect(z).toBeGreaterThanOrEqual(from);
    expect(z).toBeLessThanOrEqual(to);
  });
});

test("combinedShift: two shifts of 2 and equal size make 2·√2", () => {
  const shift = { z: 2, excess: 1, size: 10 };
  expect(combinedShift([shift, shift])).toBeCloseTo(2 * Math.SQRT2, 10);
  expect(combinedShift([])).toBe(0);
});
