import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { measureEffects, poolEffects, posterior } from "../../src/learn/effect.ts";
import type { Trial } from "../../src/learn/trials.ts";
import { createRandom, randomNormal } from "../../src/stats/random.ts";

const trial = (change: Partial<Trial> = {}): Trial => ({
  rule: "a",
  version: 1,
  assigned: true,
  q: 0.5,
  validated: true,
  held: undefined,
  costUsd: 0,
  ...change,
});

/** `good` of `all` sessions with the rule (or without) that passed. */
const arm = (change: Partial<Trial>, good: number, all: number): Trial[] =>
  Array.from({ length: all }, (_, i) => trial({ ...change, validated: i < good }));

const only = (trials: readonly Trial[]) => {
  const [effect, ...rest] = measureEffects(trials);
  if (effect === undefined || rest.length > 0) throw new Error("not one rule");
  return effect;
};

describe("posterior", () => {
  // Computed by hand in floating point elsewhere: with the rule 12 of 14, without it 4 of 6.
  const raw = { delta: 12 / 14 - 4 / 6, se: Math.sqrt(((12 / 14) * (2 / 14)) / 14 + ((4 / 6) * (2 / 6)) / 6) };

  test.each([
    [0.05, 0.0099, 0.0487, 0.58],
    [0.1, 0.034, 0.0906, 0.647],
    [0.2, 0.089, 0.146, 0.728],
  ])("a worked example, spread %p", (tau, ...expected) => {
    const [delta, sd, helps] = expected;
    const shrunk = posterior(raw, { mean: 0, tau });
    expect(shrunk.delta).toBeCloseTo(delta, 3);
    expect(shrunk.sd).toBeCloseTo(sd, 3);
    expect(shrunk.helps).toBeCloseTo(helps, 2);
  });

  test("without data it is the prior; its interval ends where P(effect > 0) would be 5 % or 95 %", () => {
    const prior = posterior(undefined, { mean: 0, tau: 0.1 });
    expect(prior).toMatchObject({ delta: 0, sd: 0.1, helps: 0.5 });
    const sure = posterior({ delta: 0.2, se: 0.05 }, { mean: 0, tau: 0.1 });
    expect(sure.interval.low > 0).toBe(sure.helps > 0.95);
  });

  test("property: shrinks towards the pool, never past it, and more data never makes it less sure", () => {
    const share = fc.double({ min: -0.9, max: 0.9, noNaN: true });
    const spread = fc.double({ min: 0.01, max: 0.5, noNaN: true });
    fc.assert(
      fc.property(fc.record({ delta: share, se: spread, mean: share, tau: spread }), ({ delta, se, mean, tau }) => {
        const shrunk = posterior({ delta, se }, { mean, tau });
        const [low, high] = [Math.min(delta, mean) - 1e-12, Math.max(delta, mean) + 1e-12];
        expect(shrunk.delta).toBeGreaterThanOrEqual(low);
        expect(shrunk.delta).toBeLessThanOrEqual(high);
        expect(shrunk.sd).toBeLessThan(Math.min(se, tau) + 1e-12);
        expect(posterior({ delta, se: se / 2 }, { mean, tau }).sd).toBeLessThan(shrunk.sd);
      }),
    );
  });
});

describe("poolEffects", () => {
  test("few rules: about the stated spread, and a mean that is shrunk towards none", () => {
    expect(poolEffects([])).toEqual({ mean: 0, tau: 0.1 });
    const { mean, tau } = poolEffects([{ delta: 0.2, se: 0.05 }]);
    // (20 · 0.1² + 0.2² − 0.05²) / 21
    expect(tau).toBeCloseTo(Math.sqrt(0.2375 / 21), 12);
    const weight = 1 / (0.05 ** 2 + tau ** 2);
    expect(mean).toBeCloseTo((weight * 0.2) / (weight + 1 / 0.05 ** 2), 12);
  });

  test("many rules: the spread of their effects, less what chance alone spreads them", () => {
    const rules = (delta: number) =>
      Array.from({ length: 380 }, (_, i) => ({ delta: i % 2 === 0 ? delta : -delta, se: 0.1 }));
    expect(poolEffects(rules(0.3)).tau).toBeCloseTo(Math.sqrt(0.05 * 0.01 + 0.95 * (0.09 - 0.01)), 12);
    expect(poolEffects(rules(0.05)).tau).toBe(0.025);
  });
});

describe("measureEffects", () => {
  test("counts arms as drawn, and compares them", () => {
    const effect = only([...arm({}, 80, 100), ...arm({ assigned: false }, 50, 100)]);
    expect(effect.shown).toMatchObject({ trials: 100, successes: 80 });
    expect(effect.heldOut).toMatchObject({ trials: 100, successes: 50 });
    expect(effect.raw?.delta).toBeCloseTo(0.3, 12);
    // Beta-binomial: the prior counts 10 sessions at the overall share of 65 %.
    expect(effect.shown.share).toBeCloseTo((6.5 + 80) / 110, 12);
    expect(effect.raw?.se).toBeCloseTo(Math.sqrt((0.7864 * 0.2136 + 0.5136 * 0.4864) / 100), 4);
    expect(effect.helps).toBeGreaterThan(0.99);
    expect(effect.delta).toBeLessThan(0.3);
  });

  test("a few successes are not certainty", () => {
    const effect = only([...arm({}, 3, 3), ...arm({ assigned: false }, 0, 3)]);
    expect(effect.raw?.delta).toBe(1);
    expect(effect.delta).toBeLessThan(0.25);
    const all = only([...arm({}, 3, 3), ...arm({ assigned: false }, 3, 3)]);
    expect(all.helps).toBeGreaterThan(0.4);
    expect(all.helps).toBeLessThan(0.6);
    expect(all.sd).toBeGreaterThan(0);
  });

  test("an empty arm tells nothing", () => {
    const effect = only(arm({}, 50, 50));
    expect(effect.raw).toBeUndefined();
    expect(effect).toMatchObject({ delta: 0, sd: 0.1, helps: 0.5 });
  });

  test("weights by the probability of the draw: a base that rose while q rose is no effect", () => {
    // First half: 40 % succeed, shown to 1 in 5; second half: 80 %, shown to 4 in 5. The rule does nothing.
    const half = (q: number, base: number) => [
      ...arm({ assigned: true, q }, Math.round(200 * q * base), Math.round(200 * q)),
      ...arm({ assigned: false, q }, Math.round(200 * (1 - q) * base), Math.round(200 * (1 - q))),
    ];
    const effect = only([...half(0.2, 0.4), ...half(0.8, 0.8)]);
    expect(effect.raw?.delta).toBeCloseTo(0, 9);
    expect(effect.shown.successes / 200 - effect.heldOut.successes / 200).toBeCloseTo(0.24, 9);
  });

  test("versions are measured by themselves; unknown outcomes are left out", () => {
    const trials = [...arm({ version: 2 }, 10, 20), ...arm({ version: 10 }, 5, 10), ...arm({ assigned: false }, 1, 2)];
    expect(measureEffects(trials).map(({ version }) => version)).toEqual([1, 2, 10]);
    expect(measureEffects(trials, ({ held }) => held)).toEqual([]);
    const held = trials.map((one, i) => ({ ...one, held: i % 2 === 0 }));
    expect(measureEffects(held, (one) => one.held)[1]?.shown).toMatchObject({ trials: 20, successes: 10 });
  });

  test("covers: of 400 rules whose effects come from the prior, about nine in ten lie in their 90 % intervals", () => {
    const random = createRandom("coverage");
    let inside = 0;
    for (let round = 0; round < 20; round += 1) {
      const truths = Array.from({ length: 20 }, () => 0.1 * randomNormal(random));
      const trials = truths.flatMap((truth, i) =>
        Array.from({ length: 150 }, () => {
          const assigned = random.uniform() < 0.5;
          return trial({ rule: `r-${i}`, assigned, validated: random.uniform() < 0.6 + (assigned ? truth : 0) });
        }),
      );
      for (const { rule, interval } of measureEffects(trials)) {
        const truth = truths[Number(rule.slice(2))] ?? Number.NaN;
        inside += Number(interval.low <= truth && truth <= interval.high);
      }
    }
    // Seeded: the same count in every run. 90 % of 400 less four standard deviations.
    expect(inside).toBeGreaterThan(336);
    expect(inside).toBeLessThan(385);
  });

  test("property: order does not matter, and turning the arms round turns the effect round", () => {
    const drawn = fc.record({
      rule: fc.constantFrom("a", "b"),
      assigned: fc.boolean(),
      validated: fc.boolean(),
      q: fc.constantFrom(0.15, 0.5, 0.85),
    });
    fc.assert(
      fc.property(fc.array(drawn, { maxLength: 40 }), (drafts) => {
        const trials = drafts.map((one) => trial(one));
        const turned = trials.map((one) => ({ ...one, assigned: !one.assigned, q: 1 - one.q }));
        const [straight, back] = [measureEffects(trials), measureEffects(turned)];
        const reversed = measureEffects(trials.toReversed());
        for (const [i, effect] of straight.entries()) {
          expect(reversed[i]?.delta).toBeCloseTo(effect.delta, 9);
          expect(back[i]?.delta).toBeCloseTo(-effect.delta, 9);
          expect(effect.helps).toBeGreaterThanOrEqual(0);
          expect(effect.helps).toBeLessThanOrEqual(1);
          expect(effect.sd).toBeGreaterThan(0);
        }
      }),
    );
  });
});
