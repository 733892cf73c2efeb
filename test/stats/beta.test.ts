import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { betaQuantile, incompleteBeta, log1mExp, logBetaTails } from "../../src/stats/beta.ts";

/** a, b, x, ln I_x(a, b), ln(1 − I_x(a, b)): computed with 80 decimal digits (mpmath 1.4.1, hypergeometric series). */
const REFERENCE: readonly (readonly [number, number, number, number, number])[] = [
  [0.5, 0.5, 0.1, -1.5855614147303534, -0.22920282758111515],
  [1, 2001, 0.5, -3.915624401732856e-70, -1386.9875083004506],
  [7, 11, 0.1, -7.151412571720291, -0.0007840634846347303],
  [15, 23, 0.6666666666666666, -0.0003087701944539952, -8.083067646147363],
  [50, 50, 0.3, -11.071591423791258, -1.554792062973485e-5],
  [2, 300, 0.2, -5.156154623884093e-28, -62.83219153008962],
  [300, 2, 0.2, -477.34657679673944, -6.934904004529718e-70],
  [1000, 1000, 0.48, -3.302815108881276, -0.03747290407162703],
  [10000, 90000, 0.101, -0.15781061995594706, -1.9242274233233565],
  [0.5, 200.5, 0.00001, -2.986561637352792, -0.05177829699931742],
  [12, 3, 0.999, -3.6100904718517523e-7, -14.834362997977301],
];

const shape = fc.double({ min: 0.5, max: 5000, noNaN: true });
const inside = fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true });

describe("logBetaTails", () => {
  test.each(REFERENCE)("a %p, b %p, x %p", (...[a, b, x, lower, upper]) => {
    const tails = logBetaTails({ a, b }, x);
    // An absolute error of the logarithm is a relative error of the function.
    expect(Math.abs(tails.lower - lower)).toBeLessThan(1e-10);
    expect(Math.abs(tails.upper - upper)).toBeLessThan(1e-10);
  });

  test("closed forms: I_x(a, 1) = x^a, I_x(1, b) = 1 − (1 − x)^b", () => {
    fc.assert(
      fc.property(shape, inside, (a, x) => {
        expect(logBetaTails({ a, b: 1 }, x).lower / (a * Math.log(x))).toBeCloseTo(1, 10);
        expect(logBetaTails({ a: 1, b: a }, x).upper / (a * Math.log1p(-x))).toBeCloseTo(1, 10);
      }),
    );
  });

  test("the tails add up to one, and mirroring swaps them", () => {
    fc.assert(
      fc.property(shape, shape, inside, (a, b, x) => {
        const tails = logBetaTails({ a, b }, x);
        expect(Math.exp(tails.lower) + Math.exp(tails.upper)).toBeCloseTo(1, 12);
        const mirrored = Math.exp(logBetaTails({ a: b, b: a }, 1 - x).upper);
        expect(Math.abs(mirrored - Math.exp(tails.lower))).toBeLessThan(1e-9);
      }),
    );
  });

  test("the recurrence I_x(a, b) − I_x(a + 1, b) = x^a (1 − x)^b / (a B(a, b)) holds for whole shapes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), inside, (a, b, x) => {
        let choose = 1;
        for (let i = 1; i <= a; i++) choose *= (b - 1 + i) / i;
        const step = choose * x ** a * (1 - x) ** b;
        const difference = incompleteBeta({ a, b }, x) - incompleteBeta({ a: a + 1, b }, x);
        expect(Math.abs(difference - step)).toBeLessThan(1e-12);
      }),
    );
  });

  test("the edges of the domain", () => {
    expect(logBetaTails({ a: 2, b: 3 }, 0)).toEqual({ lower: -Infinity, upper: 0 });
    expect(logBetaTails({ a: 2, b: 3 }, 1)).toEqual({ lower: 0, upper: -Infinity });
    expect(() => logBetaTails({ a: 0, b: 3 }, 0.5)).toThrow("a, b > 0");
    expect(() => logBetaTails({ a: 2, b: 3 }, 1.5)).toThrow("[0, 1]");
    expect(() => logBetaTails({ a: 2, b: 3 }, Number.NaN)).toThrow("[0, 1]");
  });
});

test("log1mExp keeps its precision at both ends", () => {
  expect(log1mExp(-1e-20)).toBeCloseTo(Math.log(1e-20), 12);
  expect(log1mExp(-50)).toBeCloseTo(-Math.exp(-50), 30);
});

describe("betaQuantile", () => {
  test("inverts the distribution function", () => {
    fc.assert(
      fc.property(shape, shape, fc.double({ min: 0.001, max: 0.999, noNaN: true }), (a, b, p) => {
        expect(incompleteBeta({ a, b }, betaQuantile({ a, b }, p))).toBeCloseTo(p, 9);
      }),
    );
  });

  test("keeps relative precision next to 0, and knows its ends", () => {
    // I_x(1, b) = 1 − (1 − x)^b, so x = −ln(1 − p) / b for tiny x.
    const x = betaQuantile({ a: 1, b: 1e6 }, 0.025);
    expect(x / (-Math.log(0.975) / 1e6)).toBeCloseTo(1, 6);
    expect(betaQuantile({ a: 2, b: 2 }, 0)).toBe(0);
    expect(betaQuantile({ a: 2, b: 2 }, 1)).toBe(1);
    expect(() => betaQuantile({ a: 2, b: 2 }, 1.1)).toThrow("probability");
  });
});
