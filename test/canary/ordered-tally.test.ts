import { describe, expect, test } from "@jest/globals";
import { judgeCanary, judgeCounts, type CanaryOptions } from "../../src/canary/judge.ts";
import { canarySettings } from "../../src/canary/options.ts";
import { orderedSessions } from "../../src/canary/ordered-sessions.ts";
import { startOrderedTally } from "../../src/canary/ordered-tally.ts";
import { sessionBook } from "../../src/canary/session-book.ts";
import type { Arm, CallSample } from "../../src/model/call.ts";
import { createRandom, randomNormal } from "../../src/stats/random.ts";
import fc from "../support/fast-check.ts";

const MINUTE_MS = 60_000;

const Call = fc
  .record({
    timestamp: fc.oneof(fc.integer({ min: 0, max: 60 * MINUTE_MS }), fc.constantFrom(0, 1, 299_999.5, 300_000)),
    operation: fc.constantFrom("search", "read", "write"),
    durationMs: fc.oneof(fc.double({ min: 0.1, max: 500, noNaN: true }), fc.constantFrom(0, 7)),
    error: fc.boolean(),
    arm: fc.constantFrom<Arm>("baseline", "canary"),
    session: fc.constantFrom("", "a", "b", "c", "d"),
    weight: fc.constantFrom(undefined, undefined, 1, 3),
  })
  .map(({ weight, ...call }): CallSample => (weight === undefined ? call : { ...call, weight }));
/** In order of time, some told twice, now and then one that cannot be used. */
const Calls = fc
  .tuple(fc.array(Call, { maxLength: 90 }), fc.array(fc.nat(89), { maxLength: 4 }), fc.nat(9))
  .map(([calls, again, broken]) => {
    const all = [...calls, ...again.flatMap((at) => calls[at] ?? [])].toSorted((a, b) => a.timestamp - b.timestamp);
    return broken === 0 && all[0] !== undefined ? [{ ...all[0], durationMs: Number.NaN }, ...all] : all;
  });
const Options: fc.Arbitrary<CanaryOptions> = fc.record({
  weight: fc.constantFrom(null, 0.5, 0.1),
  latencyLimitsMs: fc.constantFrom({ search: 100, read: 50 }, {}),
  maxErrorRate: fc.constant(0.3),
  minimumCalls: fc.constantFrom(2, 10),
  knownDrift: fc.constantFrom({ rollback: false, promotion: false }, { rollback: true, promotion: true }),
});

const judged = (tally: ReturnType<typeof startOrderedTally>, options: CanaryOptions) =>
  judgeCounts(tally.evidence, canarySettings(options));

/** Half each; the canary is faster and more often right in some blocks of minutes, the reverse in others. */
function drifting(minutes: number, perMinute: number): CallSample[] {
  const random = createRandom("ordered");
  return Array.from({ length: minutes * perMinute }, (_, i): CallSample => {
    const isCanary = random.uniform() < 0.5;
    const better = isCanary && Math.floor(i / perMinute / 5) % 3 === 0;
    const worse = isCanary && !better;
    return {
      timestamp: i * (MINUTE_MS / perMinute),
      operation: i % 3 === 0 ? "read" : "search",
      durationMs: 20 * (better ? 0.8 : worse ? 1.25 : 1) * Math.exp(0.4 * randomNormal(random)),
      error: random.uniform() < 0.05 * (better ? 0.4 : worse ? 1.7 : 1),
      arm: isCanary ? "canary" : "baseline",
      session: `s${i % 900}`,
    };
  });
}

describe("a tally of calls in order of time", () => {
  test("says to the last digit what is said of all calls, also of a fork and after it", () => {
    fc.assert(
      fc.property(Calls, Options, fc.tuple(fc.nat(90), fc.nat(90)), (calls, options, at) => {
        const [settled, later] = [Math.min(...at), Math.max(...at)];
        const tally = startOrderedTally(canarySettings(options));
        tally.add(calls.slice(0, settled));
        const fork = tally.fork();
        fork.add(calls.slice(settled, later));
        const deeper = fork.fork();
        deeper.add(calls.slice(later));
        expect(judged(deeper, options)).toEqual(judgeCanary(calls, options));
        expect(judged(fork, options)).toEqual(judgeCanary(calls.slice(0, later), options));
        // What a fork counted is not in what it was forked from.
        tally.add(calls.slice(settled));
        expect(judged(tally, options)).toEqual(judgeCanary(calls, options));
      }),
      { numRuns: 60 },
    );
  });

  test.each<[string, CanaryOptions]>([
    ["the shares that came about", { weight: null, latencyLimitsMs: { read: 40, search: 40 } }],
    ["a routed weight", { weight: 0.5 }],
    ["a split that changed", { weight: null, changesMs: [7 * MINUTE_MS, 20.5 * MINUTE_MS] }],
  ])("puts a verdict on arms that drift off as the judge does, by %s", (_, options) => {
    const calls = drifting(45, 240);
    const tally = startOrderedTally(canarySettings(options));
    for (let at = 0; at < calls.length; at += 777) {
      const fork = tally.fork();
      fork.add(calls.slice(at, at + 1_500));
      tally.add(calls.slice(at, at + 777));
    }
    const whole = judgeCanary(calls, options);
    expect(judged(tally, options)).toEqual(whole);
    expect(whole.reasons).toContain("arms_drift");
  });

  test("refuses a call that is earlier than one before it", () => {
    const [call] = drifting(1, 1);
    if (call === undefined) throw new Error("There is no call.");
    const tally = startOrderedTally(canarySettings({ weight: null }));
    tally.add([{ ...call, timestamp: 2 }]);
    expect(() => tally.add([{ ...call, timestamp: 1 }])).toThrow(expect.objectContaining({ code: "defect" }));
  });
});

describe("a book of sessions in order of time", () => {
  test("tells calls again, and whole sessions, as the book of any order does", () => {
    fc.assert(
      fc.property(Calls, fc.nat(90), (calls, at) => {
        const whole = sessionBook();
        const ordered = orderedSessions(true);
        const firsts = calls.slice(0, at).map((call) => [whole.note(call), ordered.note(call)]);
        const fork = ordered.fork();
        const rest = calls.slice(at).map((call) => [whole.note(call), fork.note(call)]);
        for (const [expected, seen] of [...firsts, ...rest]) expect(seen).toBe(expected);
        expect(fork.isSticky()).toBe(whole.isSticky());
      }),
    );
  });

  test("of sessions that stay in their arm, also through forks of forks", () => {
    const call = (timestamp: number, session: string, arm: Arm): CallSample => ({
      timestamp,
      session,
      arm,
      operation: "read",
      durationMs: 1,
      error: false,
    });
    const book = orderedSessions(true);
    book.note(call(1, "a", "canary"));
    const fork = book.fork();
    fork.note(call(2, "b", "baseline"));
    const deeper = fork.fork();
    expect(deeper.isSticky()).toBe(false);
    deeper.note(call(3, "a", "canary"));
    expect(deeper.isSticky()).toBe(true);
    deeper.note(call(4, "b", "canary"));
    expect(deeper.isSticky()).toBe(false);
    expect(book.isSticky()).toBe(false);
  });
});
