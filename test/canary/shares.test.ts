import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { logHarmEValue } from "../../src/canary/e-values.ts";
import { CANARY_DEFAULTS, type CanarySettings } from "../../src/canary/options.ts";
import { badEvents as stratified } from "../../src/canary/shares.ts";
import { startTally } from "../../src/canary/tally.ts";
import type { Arm, CallSample } from "../../src/model/call.ts";

const settings = (change: Partial<CanarySettings>): CanarySettings => ({ ...CANARY_DEFAULTS, weight: 0.5, ...change });
const trial = (arm: Arm, timestamp: number, change: Partial<CallSample> = {}): CallSample => ({
  arm,
  timestamp,
  operation: "search",
  durationMs: 5,
  session: `${arm}${timestamp}`,
  error: false,
  ...change,
});
const many = (arm: Arm, count: number): CallSample[] => Array.from({ length: count }, (_, i) => trial(arm, i));
const strata = (samples: readonly CallSample[], chosen: CanarySettings) => {
  const tally = startTally(chosen);
  tally.add(samples);
  return stratified(tally.counts.counted("errors"), { name: "errors", settings: chosen });
};
const badEvents = (samples: readonly CallSample[], chosen: CanarySettings) => strata(samples, chosen)?.all ?? null;

describe("badEvents", () => {
  test("takes the routed weight where calls were routed one by one", () => {
    const trials = [...many("canary", 9), ...many("baseline", 12), trial("canary", 50, { error: true })];
    const expected = { prior: 0.5, stages: [{ share: 0.5, canary: 1, baseline: 0 }] };
    expect(badEvents(trials, settings({}))).toEqual(expected);
  });

  test("counts the shares where the volumes contradict the weight", () => {
    const trials = [...many("canary", 20), ...many("baseline", 180)];
    expect(badEvents(trials, settings({}))?.stages).toEqual([{ share: 0.1, canary: 0, baseline: 0 }]);
    expect(badEvents(trials, settings({ weight: 0.1 }))?.prior).toBe(0.1);
  });

  test("counts the shares where whole sessions were routed, unless sessions are the unit", () => {
    const session = (arm: Arm, name: string, calls: number): CallSample[] =>
      Array.from({ length: calls }, (_, i) => trial(arm, i, { session: name, error: i === 0 }));
    const trials = [...session("canary", "s1", 3), ...session("baseline", "s2", 5)];
    expect(badEvents(trials, settings({}))?.stages).toEqual([{ share: 3 / 8, canary: 1, baseline: 1 }]);
    expect(badEvents(trials, settings({ unit: "session" }))?.stages[0]?.share).toBe(0.5);
    const split = [...trials, trial("canary", 9, { session: "s2" })];
    expect(badEvents(split, settings({}))?.stages[0]?.share).toBe(0.5);
  });

  test("counts interval by interval where no weight is known, and waits until both arms have calls", () => {
    const trials = [
      trial("canary", 0, { error: true }),
      trial("baseline", 1_000),
      // The first interval is over; the next has only baseline calls for two minutes.
      trial("baseline", 60_000, { error: true }),
      trial("baseline", 130_000),
      trial("baseline", 190_000),
      trial("canary", 191_000),
      trial("canary", 200_000),
    ];
    const events = badEvents(trials, settings({ weight: null }));
    expect(events).toEqual({
      prior: 0.5,
      stages: [
        { share: 0.5, canary: 1, baseline: 0 },
        // The last canary call has no baseline call beside it and belongs to the interval before.
        { share: 0.4, canary: 0, baseline: 1 },
      ],
    });
  });

  test("arms recorded one after the other are one interval: no call is lost", () => {
    const later = many("canary", 40).map((t) => ({ ...t, timestamp: t.timestamp + 3_600_000, error: true }));
    const trials = [...many("baseline", 60), ...later];
    const stages = badEvents(trials, settings({ weight: null }))?.stages.filter(({ canary }) => canary > 0);
    expect(stages).toEqual([{ share: 0.4, canary: 40, baseline: 0 }]);
  });

  test("has nothing to compare without both arms, or at a weight of 0 or 1", () => {
    expect(badEvents([], settings({ weight: null }))).toBeNull();
    expect(badEvents(many("canary", 5), settings({ weight: null }))).toBeNull();
    expect(badEvents(many("canary", 5), settings({ weight: 1 }))).toBeNull();
  });

  test("loses no bad event, whatever the shares and times", () => {
    const any = fc.record({
      arm: fc.constantFrom<Arm>("canary", "baseline"),
      timestamp: fc.integer({ min: 0, max: 600_000 }),
      session: fc.constantFrom("a", "b", "c", "d"),
      error: fc.boolean(),
      operation: fc.constantFrom("search", "read"),
      durationMs: fc.constantFrom(1, 2, 3),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 60 }), fc.constantFrom(null, 0.5, 0.1), (trials, weight) => {
        const events = badEvents(trials, settings({ weight }));
        if (events === null) return;
        // The very same call of a session counts once.
        const once = new Set(
          trials.map((t) => JSON.stringify([t.arm, t.timestamp, t.session, t.error, t.operation, t.durationMs])),
        );
        const bad = (arm: Arm) =>
          [...once].filter((key) => key.startsWith(`["${arm}"`) && key.includes(",true,")).length;
        expect(events.stages.reduce((sum, s) => sum + s.canary, 0)).toBe(bad("canary"));
        expect(events.stages.reduce((sum, s) => sum + s.baseline, 0)).toBe(bad("baseline"));
      }),
    );
  });

  test("counts each operation's own shares where the weight is not known: another mix of operations is no harm", () => {
    // The canary gets most of the calls of the operation that fails for both.
    const of = (arm: Arm, operation: string, count: number): CallSample[] =>
      Array.from({ length: count }, (_, i) =>
        trial(arm, i, { operation, session: `${arm}${operation}${i}`, error: operation === "fragile" && i % 2 === 0 }),
      );
    const samples = [
      ...of("canary", "fragile", 80),
      ...of("baseline", "fragile", 20),
      ...of("canary", "solid", 20),
      ...of("baseline", "solid", 80),
    ];
    const events = strata(samples, settings({ weight: null }));
    expect(events?.all.stages).toEqual([
      { share: 0.8, canary: 40, baseline: 10 },
      { share: 0.2, canary: 0, baseline: 0 },
    ]);
    expect(Math.exp(logHarmEValue(events?.all ?? { prior: 0.5, stages: [] }))).toBeLessThan(1);
    expect([...(events?.byOperation.keys() ?? [])]).toEqual(["fragile", "solid"]);
  });
});
