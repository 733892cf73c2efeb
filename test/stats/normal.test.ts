import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { normalCdf, normalQuantile } from "../../src/stats/normal.ts";

describe("normalCdf", () => {
  test.each([
    [-38, 2.88542835e-316],
    [-10, 7.619853024160525e-24],
    [-5, 2.866515718791939e-7],
    [-2.5, 0.006209665325776135],
    [-1, 0.15865525393145705],
    [0, 0.5],
    [0.3, 0.6179114221889527],
    [1.96, 0.9750021048517795],
    [3, 0.9986501019683699],
    [6, 0.9999999990134123],
  ])("Φ(%p)", (z, expected) => {
    // Denormal numbers carry fewer digits.
    expect(Math.abs(normalCdf(z) / expected - 1)).toBeLessThan(z < -37 ? 1e-7 : 1e-12);
  });

  test("is symmetric and never falls", () => {
    const z = fc.double({ min: -8, max: 8, noNaN: true });
    fc.assert(
      fc.property(z, z, (a, b) => {
        expect(normalCdf(a) + normalCdf(-a)).toBeCloseTo(1, 14);
        expect(normalCdf(Math.min(a, b))).toBeLessThanOrEqual(normalCdf(Math.max(a, b)) + 1e-15);
      }),
    );
  });
});

describe("normalQuantile", () => {
  test.each([
    [1e-300, -37.0470962993612],
    [1e-10, -6.361340902404057],
    [0.01, -2.326347874040841],
    [0.025, -1.9599639845400543],
    [0.3, -0.5244005127080408],
    [0.975, 1.9599639845400543],
  ])("the %p-quantile", (p, expected) => {
    expect(Math.abs(normalQuantile(p) - expected)).toBeLessThan(1e-13 * Math.abs(expected) + 1e-14);
  });

  test("inverts the distribution function", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-12, max: 1 - 1e-12, noNaN: true }), (p) => {
        expect(normalCdf(normalQuantile(p)) / p).toBeCloseTo(1, 11);
      }),
    );
  });

  test("has no value at 0 and 1", () => {
    expect(() => normalQuantile(0)).toThrow("0 < p < 1");
    expect(() => normalQuantile(1)).toThrow("0 < p < 1");
  });
});
