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
    // As much as such an effect would have brought by now, roughly: e^(z²/2).
    evidence: { helps: shownBy(delta / se), wastes: shownBy((0.05 - delta) / se), sessions: trials[0] + trials[1] },
  };
}
const shownBy = (z: number): number => Math.exp(Math.max(0, z) ** 2 / 2);
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

  test("helps, useless, undecided by P(effect > 0) and the e-values", () => {
    expect([good, bad, open, leaning].map((one) => standingOf(one).kind)).toEqual([
      "helps",
      "useless",
      "undecided",
      "undecided",
    ]);
  });

  test("the posterior alone decides nothing, nor does an e-value that it speaks against", () => {
    const sureOfIt = { helps: 0.99, delta: 0.2 };
    const evidence = (helps: number, wastes: number) => ({ helps, wastes, sessions: 200 });
    expect(standingOf({ ...good, ...sureOfIt, evidence: evidence(19.9, 1) }).kind).toBe("undecided");
    expect(standingOf({ ...good, ...sureOfIt, evidence: evidence(20, 1) }).kind).toBe("helps");
    // It was shown to help once; it does not any more.
    expect(standingOf({ ...bad, helps: 0.4, evidence: evidence(1e6, 1) }).kind).toBe("undecided");
    expect(standingOf({ ...bad, helps: 0.04, evidence: evidence(1, 19.9) }).kind).toBe("undecided");
    expect(standingOf({ ...bad, helps: 0.06, evidence: evidence(1, 1e6) }).kind).toBe("undecided");
    expect(standingOf({ ...bad, helps: 0.05, evidence: evidence(1e6, 20) }).kind).toBe("useless");
  });

  test("says how many more sessions it is likely to take", () => {
    // Shares near a half, 15 points: s = 0.15, (0.84 + √(0.71 + 2 ln 80))² / 0.15² = 683 in all.
    expect(standingOf(effect(0, 0.06, [50, 50]))).toEqual({ kind: "undecided", needs: 683 - 100 });
    expect(standingOf(effect(0, 0.3, [3, 5]))).toMatchObject({ needs: 683 - 8 });
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

  test("a quarter of the sessions go without a rule that is not shown to help yet, however promising it is", () => {
    const promising = { ...good, evidence: { ...good.evidence, helps: 19 } };
    expect(showProbability(promising, 0.15)).toBe(0.75);
    expect(showProbability(promising, 0.4)).toBe(0.6);
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

  test("what is not worth its tokens is retired at any time, with its numbers", () => {
    expect(due(bad, early)).toEqual({
      kind: "retire",
      why: "effect",
      detail:
        "P(effect > 0) = 0.000 after 200 sessions, e-values 1 that it helps, over 1000 that it is not worth its tokens",
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

  test("what is likely to help and not shown to is tried for a year, not for ever", () => {
    const promising = effect(0.1, 0.06);
    expect(promising.helps).toBeGreaterThan(0.9);
    const kinds: (string | undefined)[] = [];
    let one = rule();
    for (let lifetime = 1; lifetime <= 4; lifetime += 1) {
      kinds.push(dueChange(one, { effect: promising, now: one.expires })?.kind);
      one = { ...one, expires: expiryFrom(one.expires) };
    }
    expect(kinds).toEqual(["renew", "renew", "renew", "retire"]);
  });

  test("people's constraints, candidates and what is retired are left alone", () => {
    expect(due(bad, early, { hard: { findings: [], paths: [] } })).toBeUndefined();
    expect(due(bad, early, { state: "candidate" })).toBeUndefined();
    expect(due(bad, early, { state: "retired" })).toBeUndefined();
  });
});
