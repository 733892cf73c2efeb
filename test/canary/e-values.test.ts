import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  logHarmCeiling,
  logHarmEValue,
  logNoHarmCeiling,
  logNoHarmEValue,
  logObjectiveEValue,
} from "../../src/canary/e-values.ts";
import { logMixture, logMixtureByQuadrature, shiftShare, type BadEvents } from "../../src/canary/likelihood.ts";

const at = (share: number, canary: number, baseline: number): BadEvents => ({
  prior: share,
  stages: [{ share, canary, baseline }],
});
const harm = (share: number, x: number, y: number): number => Math.exp(logHarmEValue(at(share, x, y)));
const noHarm = (share: number, x: number, y: number): number => Math.exp(logNoHarmEValue(at(share, x, y), 2));

const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
const count = fc.integer({ min: 0, max: 200 });

/** Σ over all ways n bad events can fall, probability × E: each falls on the canary with probability θ. */
function expectation(n: number, theta: number, e: (x: number, y: number) => number): number {
  let sum = 0;
  for (let outcome = 0; outcome < 2 ** n; outcome++) {
    const x = outcome.toString(2).replaceAll("0", "").length;
    sum += theta ** x * (1 - theta) ** (n - x) * e(x, n - x);
  }
  return sum;
}

describe("harm: published and computed values", () => {
  test("10 % split, 6 bad of 60 against 10 bad of 540", () => {
    expect(logHarmEValue(at(0.1, 6, 10))).toBeCloseTo(3.152283, 6);
    expect(harm(0.1, 6, 10)).toBeCloseTo(23.389, 3);
  });

  test.each([
    [0, 0, 1],
    [1, 0, 5.5],
    [2, 3, 2.5],
    [3, 4, 6.018],
    [5, 8, 14.304],
    [5, 10, 6.61],
    [6, 10, 23.389],
  ])("on the way there: %p canary, %p baseline", (x, y, e) => {
    expect(Math.abs(harm(0.1, x, y) - e)).toBeLessThan(6e-4);
  });

  test("events in the canary only: 1.5, 2.33, 3.75, 6.2, 10.5, 18.1, 31.9 at an even split", () => {
    const values = [1.5, 2.33, 3.75, 6.2, 10.5, 18.1, 31.9];
    for (const [i, e] of values.entries()) expect(Math.abs(harm(0.5, i + 1, 0) - e)).toBeLessThan(0.051);
    const needed = (w: number): number => [1, 2, 3, 4, 5, 6, 7].find((x) => harm(w, x, 0) >= 20) ?? Number.NaN;
    expect([0.25, 0.1, 0.05, 0.02, 0.01].map(needed)).toEqual([3, 2, 2, 1, 1]);
    expect(harm(0.02, 1, 0)).toBeCloseTo(25.5, 6);
    expect(harm(0.01, 1, 0)).toBeCloseTo(50.5, 6);
  });

  test("lopsided counts do not underflow: ln E of (0, 2000) is −7.60", () => {
    expect(logHarmEValue(at(0.5, 0, 2000))).toBeCloseTo(-7.6, 2);
    expect(logNoHarmEValue(at(0.5, 20_000, 0), 2)).toBeLessThan(-5);
  });

  test("a margin of harm shifts the null", () => {
    expect(logHarmEValue(at(0.1, 6, 10), 1.5)).toBeCloseTo(logHarmEValue(at(shiftShare(0.1, 1.5), 6, 10)), 12);
    expect(logHarmEValue(at(0.1, 6, 10), 1.5)).toBeLessThan(logHarmEValue(at(0.1, 6, 10)));
  });

  test("failures of randomised trials by the same formula: 14 of 14 at 0.7 give 32.6", () => {
    expect(harm(0.7, 14, 0)).toBeCloseTo(32.6, 1);
  });
});

describe("no harm: published and computed values", () => {
  test("even split, 14 against 22, margin 2", () => {
    expect(logNoHarmEValue(at(0.5, 14, 22), 2)).toBeCloseTo(4.582928, 6);
    expect(noHarm(0.5, 14, 22)).toBeCloseTo(97.8, 2);
    expect(harm(0.5, 14, 22)).toBeCloseTo(0.092, 3);
  });

  test.each([
    [0.5, 4],
    [0.25, 9],
    [0.1, 23],
    [0.05, 45],
    [0.01, 226],
  ])("share %p: %p events in the baseline alone promote, one fewer does not", (w, y) => {
    expect(noHarm(w, 0, y)).toBeGreaterThanOrEqual(20);
    expect(noHarm(w, 0, y - 1)).toBeLessThan(20);
  });

  test.each([
    [2, 6, 15.8],
    [3, 7, 14.4],
    [3, 8, 32.0],
    [4, 10, 67.1],
    [8, 9, 2.8],
  ])("margin 1, share 0.7: (%p, %p) gives %p", (x, y, e) => {
    expect(Math.exp(logNoHarmEValue(at(0.7, x, y), 1))).toBeCloseTo(e, 1);
  });
});

describe("the objective", () => {
  test.each([
    [0.01, 0, 449],
    [0.01, 1, 683],
    [0.01, 2, 882],
    [0.01, 3, 1065],
    [0.001, 0, 4512],
    [0.005, 0, 901],
    [0.02, 0, 224],
    [0.05, 0, 88],
  ])("objective %p with %p bad needs %p calls", (p, bad, calls) => {
    expect(logObjectiveEValue({ bad, calls }, p)).toBeGreaterThanOrEqual(Math.log(20));
    expect(logObjectiveEValue({ bad, calls: calls - 1 }, p)).toBeLessThan(Math.log(20));
  });

  test("is a supermartingale in every call while the rate is at or above the objective", () => {
    const e = (bad: number, calls: number, p: number): number => Math.exp(logObjectiveEValue({ bad, calls }, p));
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), share, share, (...[bad, good, p, more]) => {
        const rate = p + (1 - p) * more;
        const next = rate * e(bad + 1, bad + good + 1, p) + (1 - rate) * e(bad, bad + good + 1, p);
        expect(next).toBeLessThanOrEqual(e(bad, bad + good, p) * (1 + 1e-9));
      }),
    );
    expect(logObjectiveEValue({ bad: 0, calls: 0 }, 0.01)).toBeCloseTo(0, 12);
  });
});

describe("changing shares", () => {
  const ramp: BadEvents = {
    prior: 0.05,
    stages: [
      { share: 0.05, canary: 3, baseline: 12 },
      { share: 0.25, canary: 9, baseline: 7 },
    ],
  };

  test("two stages give 42.45; the product of separate stages and the second alone are less", () => {
    expect(Math.exp(logHarmEValue(ramp))).toBeCloseTo(42.45, 2);
    expect(harm(0.05, 3, 12) * harm(0.25, 9, 7)).toBeCloseTo(28.53, 1);
    expect(harm(0.05, 3, 12)).toBeCloseTo(2.126, 3);
    expect(harm(0.25, 9, 7)).toBeCloseTo(13.422, 3);
  });

  test("the quadrature equals the closed form where both apply, from a few events to very many", () => {
    const many = fc.integer({ min: 0, max: 100_000 });
    fc.assert(
      fc.property(share, fc.oneof(count, many), fc.oneof(count, many), (w, x, y) => {
        const events = at(w, x, y);
        for (const range of ["above", "all"] as const) {
          const closed = logMixture(events, range);
          const scale = 1e-8 * Math.max(1, Math.abs(closed) / 100);
          expect(Math.abs(logMixtureByQuadrature(events, range) - closed)).toBeLessThan(scale);
        }
      }),
    );
  });

  test("splitting a stage in two of the same share changes nothing", () => {
    fc.assert(
      fc.property(share, count, count, (w, x, y) => {
        const halves = [
          { share: w, canary: x, baseline: 0 },
          { share: w, canary: 0, baseline: y },
        ];
        expect(logHarmEValue({ prior: w, stages: halves })).toBeCloseTo(logHarmEValue(at(w, x, y)), 9);
      }),
    );
  });

  test("a stage that only one arm served says nothing", () => {
    const more = [...ramp.stages, { share: 0, canary: 0, baseline: 50 }, { share: 1, canary: 50, baseline: 0 }];
    expect(logHarmEValue({ ...ramp, stages: more })).toBe(logHarmEValue(ramp));
  });

  test("the expectation under the null stays at most 1 when the share changes after some events", () => {
    const stages = (x1: number, x2: number): BadEvents => ({
      prior: 0.1,
      stages: [
        { share: 0.1, canary: x1, baseline: 4 - x1 },
        { share: 0.5, canary: x2, baseline: 5 - x2 },
      ],
    });
    for (const rho of [1, 0.7, 0.2]) {
      const inFirst = (x1: number): number =>
        expectation(5, shiftShare(0.5, rho), (x2) => Math.exp(logHarmEValue(stages(x1, x2))));
      expect(expectation(4, shiftShare(0.1, rho), inFirst)).toBeLessThanOrEqual(1 + 1e-9);
    }
  });
});

test("the ceiling lies above the E-value, and not far, whatever the shares and the margin", () => {
  const stage = fc.record({ share, canary: count, baseline: count });
  fc.assert(
    fc.property(fc.array(stage, { minLength: 1, maxLength: 6 }), fc.constantFrom(1, 1.5, 2), (stages, margin) => {
      const events = { prior: stages[0]?.share ?? 0.5, stages };
      const [harmed, fine] = [logHarmEValue(events, margin), logNoHarmEValue(events, margin)];
      expect(logHarmCeiling(events, margin)).toBeGreaterThanOrEqual(harmed);
      expect(logNoHarmCeiling(events, margin)).toBeGreaterThanOrEqual(fine);
      // The average over the prior loses a few nats to the top of the likelihood.
      expect(logHarmCeiling(events, margin) - harmed).toBeLessThan(40);
    }),
  );
});

describe("guarantees", () => {
  const shares = [0.01, 0.1, 0.3, 0.5, 0.8];

  test("harm: the expectation over all sequences is 1 at the null and at most 1 inside it", () => {
    for (const w of shares) {
      for (let n = 1; n <= 9; n++) {
        const mean = (theta: number): number => expectation(n, theta, (x, y) => harm(w, x, y));
        expect(mean(w)).toBeCloseTo(1, 9);
        for (const part of [0, 0.3, 0.9]) expect(mean(w * part)).toBeLessThanOrEqual(1 + 1e-9);
      }
    }
  });

  test("no harm: the same for every ratio at or above the margin", () => {
    for (const w of shares) {
      for (let n = 1; n <= 9; n++) {
        const mean = (rho: number): number => expectation(n, shiftShare(w, rho), (x, y) => noHarm(w, x, y));
        expect(mean(2)).toBeCloseTo(1, 9);
        for (const rho of [2.5, 5, 100]) expect(mean(rho)).toBeLessThanOrEqual(1 + 1e-9);
      }
    }
  });

  test("one step never gains in expectation, wherever the counts are", () => {
    fc.assert(
      fc.property(share, count, count, fc.double({ min: 0, max: 1, noNaN: true }), (...[w, x, y, part]) => {
        const theta = w * part;
        const now = logHarmEValue(at(w, x, y));
        const up = Math.exp(logHarmEValue(at(w, x + 1, y)) - now);
        const down = Math.exp(logHarmEValue(at(w, x, y + 1)) - now);
        expect(theta * up + (1 - theta) * down).toBeLessThanOrEqual(1 + 1e-8);
      }),
    );
  });

  test("harm rises with every bad event of the canary and falls with every one of the baseline", () => {
    fc.assert(
      fc.property(share, count, count, (w, x, y) => {
        const now = logHarmEValue(at(w, x, y));
        expect(logHarmEValue(at(w, x + 1, y))).toBeGreaterThan(now);
        expect(logHarmEValue(at(w, x, y + 1))).toBeLessThan(now);
        expect(logNoHarmEValue(at(w, x + 1, y), 2)).toBeLessThan(logNoHarmEValue(at(w, x, y), 2));
      }),
    );
  });

  test("harm never looks harmless at the same margin: both E-values cannot be large", () => {
    fc.assert(
      fc.property(share, count, count, (w, x, y) => {
        const both = Math.min(logHarmEValue(at(w, x, y)), logNoHarmEValue(at(w, x, y), 1));
        expect(both).toBeLessThan(Math.log(20));
      }),
    );
  });
});
