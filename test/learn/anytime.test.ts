import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { anytimeEvidence, evidencePath, SHOWN, WORTH_ITS_COST } from "../../src/learn/anytime.ts";
import { measureEffects } from "../../src/learn/effect.ts";
import { showProbability, standingOf } from "../../src/learn/decide.ts";
import type { Trial } from "../../src/learn/trials.ts";
import { createRandom } from "../../src/stats/random.ts";

const trial = (assigned: boolean, q: number, validated: boolean | undefined): Trial => ({
  rule: "batch-reads",
  version: 1,
  assigned,
  q,
  validated,
  held: undefined,
  costUsd: 0,
});
const validated = (one: Trial): boolean | undefined => one.validated;
const end = (trials: readonly Trial[]) => [...evidencePath(trials, validated)].at(-1) ?? { helps: 1, wastes: 1 };

/** One session of a made-up world: how probable the draw is, and success without the rule and with it. */
type Session = { readonly q: number; readonly without: number; readonly with: number };

/** The exact mean of the e-values over every draw and outcome of some sessions. */
function meanOver(sessions: readonly Session[]): { helps: number; wastes: number } {
  let branches: { readonly weight: number; readonly trials: Trial[] }[] = [{ weight: 1, trials: [] }];
  for (const { q, ...share } of sessions) {
    branches = branches.flatMap(({ weight, trials }) =>
      [true, false].flatMap((assigned) =>
        [true, false].map((passed) => {
          const good = assigned ? share.with : share.without;
          const chance = (assigned ? q : 1 - q) * (passed ? good : 1 - good);
          return { weight: weight * chance, trials: [...trials, trial(assigned, q, passed)] };
        }),
      ),
    );
  }
  const mean = (pick: "helps" | "wastes") =>
    branches.reduce((sum, { weight, trials }) => sum + weight * end(trials)[pick], 0);
  return { helps: mean("helps"), wastes: mean("wastes") };
}

const q = fc.double({ min: 0.05, max: 0.95, noNaN: true });
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe("the e-values are fair bets, by exact enumeration", () => {
  test("property: where no session gains, the evidence that it helps is worth 1 or less on average", () => {
    const session = fc.record({ q, without: share, loss: share }).map(({ without, loss, ...rest }) => ({
      ...rest,
      without,
      with: without * loss,
    }));
    fc.assert(
      fc.property(fc.array(session, { maxLength: 4 }), (sessions) => {
        expect(meanOver(sessions).helps).toBeLessThanOrEqual(1 + 1e-9);
      }),
      { numRuns: 60 },
    );
  });

  test("property: where every session gains 5 points, so is the evidence that it is not worth its tokens", () => {
    const session = fc.record({ q, without: fc.double({ min: 0, max: 1 - WORTH_ITS_COST, noNaN: true }), more: share });
    fc.assert(
      fc.property(fc.array(session, { maxLength: 4 }), (drafts) => {
        const sessions = drafts.map(({ without, more, ...rest }) => ({
          ...rest,
          without,
          with: without + WORTH_ITS_COST + more * (1 - WORTH_ITS_COST - without),
        }));
        expect(meanOver(sessions).wastes).toBeLessThanOrEqual(1 + 1e-9);
      }),
      { numRuns: 60 },
    );
  });

  test("without any effect the first is worth exactly 1, whatever was drawn with which probability", () => {
    const sessions = [0.15, 0.5, 0.85, 0.3].map((drawn, i) => ({ q: drawn, without: i / 4, with: i / 4 }));
    expect(meanOver(sessions).helps).toBeCloseTo(1, 12);
  });

  test("with an effect the right one grows", () => {
    const good = { q: 0.5, without: 0.3, with: 0.9 };
    expect(meanOver([good, good, good, good]).helps).toBeGreaterThan(1.2);
    expect(meanOver([good, good, good, good]).wastes).toBeLessThan(0.9);
    const bad = { q: 0.5, without: 0.9, with: 0.3 };
    expect(meanOver([bad, bad, bad, bad]).wastes).toBeGreaterThan(1.2);
  });
});

describe("anytimeEvidence", () => {
  test("nothing yet is no evidence", () => {
    expect(anytimeEvidence([])).toEqual({ helps: 1, wastes: 1, sessions: 0 });
  });

  test("keeps the most that it ever came to, and ends before the first session that is not over", () => {
    const good = Array.from({ length: 80 }, (_, i) => trial(i % 2 === 0, 0.5, i % 2 === 0));
    const bad = good.map((one) => ({ ...one, validated: !one.assigned }));
    const { helps, sessions } = anytimeEvidence([...good, ...bad]);
    expect(helps).toBeGreaterThan(SHOWN);
    expect(helps).toBe(Math.max(...[...evidencePath(good, validated)].map((now) => now.helps)));
    expect(sessions).toBe(160);
    const open = [...good.slice(0, 10), trial(true, 0.5, undefined), ...good];
    expect(anytimeEvidence(open)).toEqual(anytimeEvidence(good.slice(0, 10)));
  });

  test("another outcome can be the success", () => {
    const trials = Array.from({ length: 60 }, (_, i) => ({ ...trial(i % 2 === 0, 0.5, true), held: i % 2 === 0 }));
    expect(anytimeEvidence(trials).helps).toBeLessThan(SHOWN);
    expect(anytimeEvidence(trials, ({ held }) => held).helps).toBeGreaterThan(SHOWN);
  });

  test("property: finite, positive and the same for the same sessions, whatever they are", () => {
    const any = fc.array(fc.tuple(fc.boolean(), q, fc.boolean()), { maxLength: 200 });
    fc.assert(
      fc.property(any, (drafts) => {
        const trials = drafts.map((draft) => trial(...draft));
        for (const { helps, wastes } of evidencePath(trials, validated)) {
          expect(helps > 0 && Number.isFinite(helps) && wastes > 0 && Number.isFinite(wastes)).toBe(true);
        }
        expect(anytimeEvidence(trials)).toEqual(anytimeEvidence([...trials]));
      }),
    );
  });
});

/** Rules of one true effect, looked at after every eighth session and shown by what was seen: how often each claim was ever made. */
function everClaimed(effect: number, { rules, sessions }: { readonly rules: number; readonly sessions: number }) {
  const random = createRandom(`claims-${effect}`);
  const claims = { helps: 0, useless: 0, posterior: 0 };
  for (let rule = 0; rule < rules; rule += 1) {
    const made = new Set<string>();
    const trials: Trial[] = [];
    let [measured] = measureEffects(trials);
    for (let i = 0; i < sessions; i += 1) {
      if (i % 8 === 0) [measured] = measureEffects(trials);
      const kind = standingOf(measured).kind;
      made.add(kind);
      if (kind !== "trial" && (measured?.helps ?? 0) >= 0.95) made.add("posterior");
      const drawn = showProbability(measured, 0.15);
      const assigned = random.uniform() < drawn;
      // Sessions become easier with time, and hard ones come in rows.
      const base = 0.4 + (0.2 * i) / sessions + (i % 20 < 10 ? 0.1 : -0.1);
      trials.push(trial(assigned, drawn, random.uniform() < base + (assigned ? effect : 0)));
    }
    for (const name of ["helps", "useless", "posterior"] as const) claims[name] += made.has(name) ? 1 : 0;
  }
  return { helps: claims.helps / rules, useless: claims.useless / rules, posterior: claims.posterior / rules };
}

test("looked at again and again, a useless rule is seldom said to help, and a good one seldom retired", () => {
  const none = everClaimed(0, { rules: 50, sessions: 160 });
  expect(none.helps).toBeLessThanOrEqual(0.05);
  // What the guarantee is for: the posterior alone would make the claim more often.
  expect(none.posterior).toBeGreaterThan(none.helps);
  expect(everClaimed(WORTH_ITS_COST, { rules: 50, sessions: 160 }).useless).toBeLessThanOrEqual(0.05);
});

test("an effect of 30 points is found in most of 160 sessions", () => {
  expect(everClaimed(0.3, { rules: 10, sessions: 160 }).helps).toBeGreaterThan(0.6);
  expect(everClaimed(-0.3, { rules: 10, sessions: 160 }).useless).toBeGreaterThan(0.6);
});
