import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { logBeta, logGamma } from "../../src/stats/gamma.ts";

describe("logGamma", () => {
  test.each([
    [0.001, 6.907178885383853],
    [0.5, 0.5723649429247001],
    [1.5, -0.12078223763524522],
    [3.7, 1.4280723266653879],
    [10, 12.80182748008147],
    [123.456, 469.60554712992945],
    [1e6, 12815504.569147613],
  ])("ln Γ(%p)", (x, expected) => {
    expect(Math.abs(logGamma(x) - expected)).toBeLessThan(4e-15 * Math.max(1, Math.abs(expected)) + 1e-15);
  });

  test("Γ(x + 1) = x Γ(x)", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e5, noNaN: true }), (x) => {
        const scale = Math.max(1, Math.abs(logGamma(x)));
        expect(Math.abs(logGamma(x + 1) - logGamma(x) - Math.log(x)) / scale).toBeLessThan(1e-13);
      }),
    );
  });

  test("refuses what has no logarithm of Γ", () => {
    for (const x of [0, -1, Number.NaN, Infinity]) expect(() => logGamma(x)).toThrow("positive");
  });
});

describe("logBeta", () => {
  test.each([
    [7, 11, -11.821409665051274],
    [0.5, 1e7, -7.48668287005446],
    [1e6, 1e6, -1386300.003362921],
    [12, 1e8, -203.54586174155446],
    [0.1, 0.2, 2.680978479346915],
  ])("ln B(%p, %p)", (a, b, expected) => {
    expect(Math.abs(logBeta(a, b) - expected)).toBeLessThan(2e-15 * Math.max(10, Math.abs(expected)));
  });

  test("is symmetric, and B(a + 1, b) + B(a, b + 1) = B(a, b)", () => {
    const argument = fc.double({ min: 0.1, max: 1e4, noNaN: true });
    fc.assert(
      fc.property(argument, argument, (a, b) => {
        expect(logBeta(a, b)).toBe(logBeta(b, a));
        const sum = Math.exp(logBeta(a + 1, b) - logBeta(a, b)) + Math.exp(logBeta(a, b + 1) - logBeta(a, b));
        expect(sum).toBeCloseTo(1, 10);
      }),
    );
  });
});
