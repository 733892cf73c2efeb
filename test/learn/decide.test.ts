import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { dueChange, expiryFrom, showProbability, standingOf } from "../../src/learn/decide.ts";
import { posterior, type RuleEffect } from "../../src/learn/effect.ts";
import { rule } from "./rules.ts";

/** A measured effect with these arms. */
function effect(delta: number, se: number, trials: readonly [number, number] = [100, 100]): RuleEffect {
  const arm = (count: number) => ({ trials: count, successes: Math.round(count / 2), share: 0.5 });
  return {
    rule: "batch-reads",
    version: 1,
    shown: arm(trials[0]),
    heldOut: arm(trials[1]),
    raw: { delta, se },
    ...posterior({ delta, se }, { mean: 0, tau: 0.1 }),
  };
}
const good = effect(0.2, 0.04);
const bad = effect(-0.2, 0.04);
const open = effect(0.03, 0.06);
const leaning = effect(-0.03, 0.06);

describe("standingOf", () => {
  test("nothing is decided before both arms have 20 sessions", () => {
    expect(standingOf(undefined)).toEqual({ kind: "trial", needs: 40 });
    for (const trials of [
      [19, 400],
      [400, 19],
    ] as const) {
      expect(standingOf(effect(-0.5, 0.01, trials))).toEqual({ kind: "trial", needs: expect.any(Number) });
    }
    expect(standingOf(effect(-0.5, 0.01, [20, 20])).kind).toBe("useless");
  });

  test("helps, useless, undecided by P(effect > 0)", () => {
    expect([good, bad, open, leaning].map((one) => standingOf(one).kind)).toEqual([
      "helps",
      "useless",
      "undecided",
      "undecided",
    ]);
  });

  test("says how many more sessions it is likely to take", () => {
    // One-sided 5 %, power 80 %, shares near a half, 15 points: 2 · 6.18 · 0.5 / 0.0225 = 275 in all.
    expect(standingOf(effect(0, 0.06, [50, 50]))).toEqual({ kind: "undecided", needs: 275 - 100 });
    expect(standingOf(effect(0, 0.3, [3, 5]))).toMatchObject({ needs: 275 - 8 });
    expect(standingOf(effect(0.01, 0.06, [5000, 5000]))).toMatchObject({ needs: 1 });
  });
});

describe("showProbability", () => {
  test("a half while in trial, then P(effect > 0), kept away from the ends", () => {
    expect(showProbability(undefined, 0.15)).toBe(0.5);
    expect(showProbability(effect(-0.5, 0.01, [10, 10]), 0.15)).toBe(0.5);
    expect(showProbability(good, 0.15)).toBe(0.85);
    expect(showProbability(bad, 0.1)).toBe(0.1);
    expect(showProbability(open, 0.15)).toBeCloseTo(open.helps, 12);
  });

  test("property: never beyond the floor, on either side", () => {
    const number = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(number, fc.double({ min: 0.01, max: 0.5, noNaN: true }), fc.nat(100), (delta, se, trials) => {
        const q = showProbability(effect(delta, se, [trials, trials]), 0.15);
        expect(q).toBeGreaterThanOrEqual(0.15);
        expect(q).toBeLessThanOrEqual(0.85);
      }),
    );
  });
});

describe("dueChange", () => {
  const early = "2026-11-20T00:00:00.000Z";
  const over = "2027-01-30T00:00:00.000Z";
  const due = (measured: RuleEffect | undefined, now: string, change = {}) =>
    dueChange(rule(change), { effect: measured, now });

  test("what does not help is retired at any time, with its numbers", () => {
    expect(due(bad, early)).toEqual({
      kind: "retire",
      why: "effect",
      detail: expect.stringMatching(/^P\(effect > 0\) = 0\.000 after 200 sessions$/),
    });
    expect(due(bad, over)?.kind).toBe("retire");
  });

  test("nothing else is due before its time is over", () => {
    for (const measured of [undefined, good, open, leaning, effect(-0.9, 0.01, [5, 5])]) {
      expect(due(measured, early)).toBeUndefined();
    }
  });

  test("at the end of its time it is renewed when it helps, and once when it may", () => {
    expect(due(good, over)).toMatchObject({ kind: "renew", why: "effect" });
    expect(due(open, over)).toMatchObject({ kind: "renew", why: "expired" });
    expect(due(leaning, over)).toMatchObject({ kind: "retire", why: "expired" });
    const renewed = { expires: expiryFrom(over) };
    expect(due(open, renewed.expires, renewed)).toMatchObject({ kind: "retire", why: "expired" });
    expect(due(good, renewed.expires, renewed)).toMatchObject({ kind: "renew" });
    expect(due(undefined, over)).toBeUndefined();
  });

  test("people's constraints, candidates and what is retired are left alone", () => {
    expect(due(bad, early, { hard: { findings: [], paths: [] } })).toBeUndefined();
    expect(due(bad, early, { state: "candidate" })).toBeUndefined();
    expect(due(bad, early, { state: "retired" })).toBeUndefined();
  });
});
