import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { judgeAgainstItself } from "../../src/canary/aa.ts";
import { AaReport } from "../../src/canary/aa-report.ts";
import { slowLimits } from "../../src/canary/slow-limits.ts";
import type { CallSample } from "../../src/model/call.ts";
import { createRandom, randomNormal } from "../../src/stats/random.ts";

/** An hour of calls: `perSession` calls of a session within seconds, `errorRate` of the calls fail. */
function recorded(calls: number, { errorRate = 0.05, perSession = 5, seed = "recorded" } = {}): CallSample[] {
  const random = createRandom(seed);
  return Array.from({ length: calls }, (_, i) => ({
    timestamp: 1_700_000_000_000 + (3_600_000 * i) / calls,
    operation: i % 3 === 0 ? "search" : "read",
    durationMs: 20 * Math.exp(0.5 * randomNormal(random)),
    error: random.uniform() < errorRate,
    arm: "baseline",
    session: perSession === 0 ? "" : `s${Math.floor(i / perSession)}`,
  }));
}

const ask = (samples: readonly CallSample[], repetitions = 20, more: object = {}) =>
  judgeAgainstItself(samples, {
    judge: { weight: 0.5, latencyLimitsMs: slowLimits(samples, 0), ...more },
    repetitions,
    random: createRandom("aa"),
  });

describe("judgeAgainstItself", () => {
  test("publishes the judge's own error rates, which keep their promises on plain calls", () => {
    const report = ask(recorded(1_000));
    expect(AaReport.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
    expect(report).toMatchObject({ repetitions: 20, calls: 1_000, blocks: 200, looks: 60 });
    expect(report.worlds.map(({ world }) => world)).toEqual(["equal", "errors_at_margin", "time_at_margin"]);
    expect(report.falseRollback).toMatchObject({ promised: 0.05, isBroken: false });
    expect(report.falsePromotion).toMatchObject({ promised: 0.05, isBroken: false });
    for (const { rollback } of report.worlds) {
      expect(rollback.interval.low).toBeLessThanOrEqual(rollback.rate);
      expect(rollback.rate).toBe(rollback.count / 20);
    }
  });

  test("the made-up canaries are at the margin: more of them are rolled back", () => {
    const [equal, errors, time] = ask(recorded(4_000, { perSession: 0 }), 16, { slowdown: 0.25 }).worlds;
    expect(errors?.rollback.count).toBeGreaterThan((equal?.rollback.count ?? 0) + 10);
    expect(time?.rollback.count).toBeGreaterThan((equal?.rollback.count ?? 0) + 10);
  });

  test("calls without an error have no margin of errors, and calls without a duration none of time", () => {
    const clean = recorded(500, { errorRate: 0 });
    expect(ask(clean, 2).worlds.map(({ world }) => world)).toEqual(["equal", "time_at_margin"]);
    const blank = ask(
      clean.map((call) => ({ ...call, durationMs: 0 })),
      2,
    );
    expect(blank.worlds.map(({ world }) => world)).toEqual(["equal"]);
    expect(blank.falsePromotion).toBeNull();
  });

  test("a rate whose whole interval lies above the promise is called broken", () => {
    // A fifth of the sessions fails wholly: single calls are no independent draws, and the judge counts calls.
    const bursts = recorded(900, { perSession: 30, errorRate: 0 }).map((call) => ({
      ...call,
      error: Number(call.session.slice(1)) % 5 === 0,
    }));
    const report = ask(bursts, 12);
    expect(report.falseRollback.isBroken).toBe(true);
    // Counted by the session the same calls keep the promise.
    expect(ask(bursts, 12, { unit: "session" }).worlds[0]?.rollback.count).toBeLessThan(
      report.worlds[0]?.rollback.count ?? 0,
    );
  });

  test("the same seed gives the same report, whatever the times are counted from", () => {
    const samples = recorded(400);
    const report = ask(samples, 3);
    expect(ask(samples, 3)).toEqual(report);
    const moved = samples.map((call) => ({ ...call, timestamp: call.timestamp - 1_700_000_000_000 }));
    expect(ask(moved, 3)).toEqual(report);
  });

  test("shares of every world add up, whatever the calls", () => {
    const call = fc.record({
      timestamp: fc.integer({ min: 0, max: 600_000 }),
      operation: fc.constantFrom("a", "b"),
      durationMs: fc.double({ min: 0, max: 100, noNaN: true }),
      error: fc.boolean(),
      arm: fc.constant("baseline" as const),
      session: fc.constantFrom("", "x", "y"),
    });
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 60 }), (samples) => {
        const report = ask(samples, 3);
        expect(AaReport.safeParse(report).success).toBe(true);
        for (const { rollback, promote, undecided } of report.worlds) {
          expect(rollback.count + promote.count + undecided.count).toBeGreaterThanOrEqual(3);
          expect(Math.max(rollback.count, promote.count) + undecided.count).toBeLessThanOrEqual(3);
        }
      }),
      { numRuns: 20 },
    );
  });
});

describe("slowLimits", () => {
  test("is the 95th percentile by operation, and never less than what is slow to anybody", () => {
    const calls = recorded(1_000, { errorRate: 0 });
    const limits = slowLimits(calls, 0);
    const slow = calls.filter(({ operation, durationMs }) => durationMs > (limits[operation] ?? 0)).length;
    expect(Math.abs(slow / 1_000 - 0.05)).toBeLessThan(0.01);
    expect(slowLimits(calls, 500)).toEqual({ read: 500, search: 500 });
    expect(slowLimits([], 5)).toEqual({});
  });
});
