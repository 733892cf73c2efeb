import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { eventDrift, latencyDrift, logShiftEValue } from "../../src/canary/drift.ts";
import { judgeCanary, type CanaryOptions } from "../../src/canary/judge.ts";
import { canarySettings } from "../../src/canary/options.ts";
import type { CallSample } from "../../src/model/call.ts";
import { createRandom, randomNormal } from "../../src/stats/random.ts";

const MINUTE_MS = 60_000;
const THRESHOLD = Math.log(20);

/** Factors of the canary in a minute, on its times and on its errors. */
type Minute = { readonly time?: number; readonly errors?: number };

type Traffic = { readonly minutes: number; readonly perMinute: number; readonly seed?: string };

/** Calls of both arms, half each; `canary` says how the canary stands to the baseline in a minute. */
function traffic({ minutes, perMinute, seed = "drift" }: Traffic, canary: (minute: number) => Minute): CallSample[] {
  const random = createRandom(seed);
  return Array.from({ length: minutes * perMinute }, (_, i): CallSample => {
    const minute = Math.floor(i / perMinute);
    const arm = random.uniform() < 0.5 ? "canary" : "baseline";
    const { time = 1, errors = 1 } = arm === "canary" ? canary(minute) : {};
    return {
      timestamp: i * (MINUTE_MS / perMinute),
      operation: "read",
      durationMs: 20 * time * Math.exp(0.4 * randomNormal(random)),
      error: random.uniform() < 0.05 * errors,
      arm,
      session: `s${i}`,
    };
  });
}

const judged = (calls: readonly CallSample[], more: Partial<CanaryOptions> = {}) =>
  judgeCanary(calls, { weight: 0.5, ...more });
const settings = canarySettings({ weight: 0.5 });
/** Slower in most blocks of five minutes, faster in some: a machine with a mind of its own. */
const drifting = (minute: number): Minute => ({ time: Math.floor(minute / 5) % 3 === 0 ? 0.8 : 1.25 });

describe("arms that drift", () => {
  test("are not rolled back for it, and it is said; the numbers stay", () => {
    const calls = traffic({ minutes: 45, perMinute: 200 }, drifting);
    const verdict = judged(calls);
    expect(verdict).toMatchObject({
      verdict: "continue",
      reasons: ["latency_increased", "arms_drift"],
      forecast: { calls: null, minutes: null },
    });
    expect(verdict.metrics.find(({ name }) => name === "latency")).toMatchObject({ verdict: "rollback" });
    const { logBetter, logWorse } = latencyDrift(calls, settings);
    expect([logBetter > THRESHOLD, logWorse > THRESHOLD]).toEqual([true, true]);
  });

  test("with errors that come and go the other way too", () => {
    const calls = traffic({ minutes: 45, perMinute: 600 }, (minute) => ({
      errors: Math.floor(minute / 5) % 3 === 0 ? 0.4 : 1.7,
    }));
    expect(judged(calls)).toMatchObject({
      verdict: "continue",
      reasons: expect.arrayContaining(["errors_increased", "arms_drift"]),
    });
  });

  test("are not promoted either", () => {
    const even = (minute: number): Minute => ({ time: Math.floor(minute / 5) % 2 === 0 ? 0.8 : 1.25 });
    const calls = traffic({ minutes: 40, perMinute: 200 }, even);
    expect(judged(calls, { maxErrorRate: 0.2 })).toMatchObject({ verdict: "continue" });
    expect(judged(calls, { maxErrorRate: 0.2 }).reasons).toContain("arms_drift");
  });

  test("are rolled back all the same when the harm is beyond the margin", () => {
    const calls = traffic({ minutes: 45, perMinute: 200 }, (minute) => ({ ...drifting(minute), errors: 5 }));
    expect(judged(calls)).toMatchObject({ verdict: "rollback", reasons: expect.arrayContaining(["errors_increased"]) });
    const slow = traffic({ minutes: 45, perMinute: 200 }, (minute) => ({ time: minute < 10 ? 0.8 : 2.5 }));
    expect(judged(slow)).toMatchObject({ verdict: "rollback", reasons: ["latency_increased"] });
  });
});

describe("arms of which an A/A says that they drift", () => {
  const known = (what: "rollback" | "promotion") => ({
    knownDrift: { rollback: what === "rollback", promotion: what === "promotion" },
  });
  const worse = (time: number) => traffic({ minutes: 10, perMinute: 600 }, () => ({ time }));

  test("are rolled back for harm beyond the margin only, from the first call on", () => {
    expect(judged(worse(1.15)).verdict).toBe("rollback");
    expect(judged(worse(1.15), known("rollback"))).toMatchObject({
      verdict: "continue",
      reasons: ["latency_increased", "arms_drift"],
    });
    expect(judged(worse(1.6), known("rollback")).verdict).toBe("rollback");
    expect(judged(worse(1.15), known("promotion")).verdict).toBe("rollback");
  });

  test("are not promoted where it promoted what it must not", () => {
    const better = traffic({ minutes: 40, perMinute: 200 }, () => ({ time: 0.8, errors: 0.4 }));
    expect(judged(better, known("rollback")).verdict).toBe("promote");
    expect(judged(better, known("promotion"))).toMatchObject({
      verdict: "continue",
      reasons: expect.arrayContaining(["arms_drift"]),
    });
  });
});

describe("a canary that is never better", () => {
  test.each([
    ["worse all the time", () => ({ time: 1.2 })],
    ["worse from the middle on", (minute: number) => ({ time: minute < 20 ? 1 : 1.3 })],
    ["worse now and then", (minute: number) => ({ time: Math.floor(minute / 5) % 2 === 0 ? 1 : 1.3 })],
    ["with more errors from the middle on", (minute: number) => ({ errors: minute < 20 ? 1 : 1.8 })],
  ])("is rolled back: %s", (_, canary) => {
    expect(judged(traffic({ minutes: 40, perMinute: 600 }, canary)).verdict).toBe("rollback");
  });

  test("is held up no more often than alpha says, whatever the harm and whenever", () => {
    const runs = 80;
    let held = 0;
    for (let run = 0; run < runs; run += 1) {
      const calls = traffic({ minutes: 30, perMinute: 20, seed: `run ${run}` }, (minute) => ({
        time: minute % 7 === run % 7 ? 1.5 : 1,
        errors: minute > run % 30 ? 2 : 1,
      }));
      const drifts = [latencyDrift(calls, settings), eventDrift(calls, "errors", settings)];
      if (drifts.some(({ logBetter }) => logBetter >= THRESHOLD)) held += 1;
    }
    // Two metrics, each at most 5 %.
    expect(held).toBeLessThanOrEqual(8);
  });

  test("and one that is better throughout is promoted as before", () => {
    const calls = traffic({ minutes: 40, perMinute: 200 }, () => ({ time: 0.8, errors: 0.4 }));
    expect(judged(calls)).toMatchObject({ verdict: "promote" });
  });
});

test("property: drift is finite, without calls there is none, and exchanging the arms exchanges the hypotheses", () => {
  expect(latencyDrift([], settings)).toEqual({ logBetter: 0, logWorse: 0 });
  expect(eventDrift([], "errors", settings)).toEqual({ logBetter: 0, logWorse: 0 });
  const call = fc.record({
    timestamp: fc.integer({ min: 0, max: 40 * MINUTE_MS }),
    operation: fc.constantFrom("a", "b"),
    durationMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
    error: fc.boolean(),
    arm: fc.constantFrom("baseline", "canary"),
    session: fc.constantFrom("s1", "s2", "s3"),
  });
  fc.assert(
    fc.property(fc.array(call, { maxLength: 80 }), fc.constantFrom("call", "session"), (calls, unit) => {
      const own = canarySettings({ weight: 0.5, unit, minimumCalls: 2 });
      const exchanged = calls.map((one) => ({
        ...one,
        arm: one.arm === "canary" ? ("baseline" as const) : ("canary" as const),
      }));
      for (const drift of [
        (of: CallSample[]) => latencyDrift(of, own),
        (of: CallSample[]) => eventDrift(of, "errors", own),
      ]) {
        const [there, back] = [drift(calls as CallSample[]), drift(exchanged)];
        expect([there.logBetter, there.logWorse].every(Number.isFinite)).toBe(true);
        expect(back.logBetter).toBeCloseTo(there.logWorse, 6);
        expect(back.logWorse).toBeCloseTo(there.logBetter, 6);
      }
    }),
    { numRuns: 60 },
  );
});

describe("a canary that is far better", () => {
  test("does not drift, and passes", () => {
    const calls = traffic({ minutes: 15, perMinute: 400 }, () => ({ time: 1 / 64, errors: 0 }));
    const { logBetter, logWorse } = latencyDrift(calls, settings);
    expect([logBetter > THRESHOLD, logWorse > THRESHOLD]).toEqual([true, false]);
    expect(judged(calls)).toMatchObject({ verdict: "promote", reasons: expect.not.arrayContaining(["arms_drift"]) });
  });

  test("one as far worse is not called drift either: it is rolled back", () => {
    const calls = traffic({ minutes: 15, perMinute: 400 }, () => ({ time: 64 }));
    expect(judged(calls)).toMatchObject({ verdict: "rollback" });
  });

  test("evidence of worse times falls with every better one, however far", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 30, noNaN: true }),
        fc.double({ min: 0, max: 1e3, noNaN: true }),
        fc.double({ min: 1e-4, max: 1, noNaN: true }),
        (z, step, error) => {
          const [less, more] = [logShiftEValue(z, error), logShiftEValue(z + step, error)];
          expect(Number.isFinite(less)).toBe(true);
          // The normal distribution is known to about seven digits.
          expect(more).toBeGreaterThanOrEqual(less - 1e-4);
          if (z <= 0) expect(less).toBeLessThanOrEqual(1e-4);
        },
      ),
    );
  });
});
