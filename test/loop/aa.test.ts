import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { addPeriod, AaHistory, emptyHistory, judgePeriod, ratesOf, type AaPeriod } from "../../src/canary/live-aa.ts";
import { startRollout } from "../../src/canary/rollout.ts";
import type { Rollout } from "../../src/canary/rollout-record.ts";
import { CanarySettings } from "../../src/config/schema.ts";
import { DeploymentSettings } from "../../src/config/deployment.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import { aaPath, continueAa, knownDrift, nextDueMs, readAa, type LiveAa } from "../../src/loop/aa.ts";
import { planOf } from "../../src/loop/rollout/open.ts";
import type { Arm, CallSample } from "../../src/model/call.ts";
import { ATTR, type Span } from "../../src/model/span.ts";
import { manualClock } from "../../src/model/time.ts";
import { createRandom, randomNormal } from "../../src/stats/random.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { relayedCall } from "../capture/relayed.ts";

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 10, 20, 12);

/** Calls of an hour, from `fromMs` on. `worse`: errors of the canary per error of the baseline. */
function hour(fromMs: number, { calls = 600, worse = 1, seed = "hour" } = {}): CallSample[] {
  const random = createRandom(`${seed} ${fromMs}`);
  return Array.from({ length: calls }, (_, i): CallSample => {
    const arm = random.uniform() < 0.5 ? "canary" : "baseline";
    const rate = arm === "canary" ? 0.04 * worse : 0.04;
    return {
      timestamp: fromMs + (i * HOUR_MS) / calls,
      operation: i % 3 === 0 ? "search" : "read",
      durationMs: 20 * Math.exp(0.4 * randomNormal(random)),
      error: random.uniform() < rate,
      arm,
      session: `${arm} ${Math.floor(i / 4)}`,
    };
  });
}

const period = (calls: readonly CallSample[], startMs = START_MS): AaPeriod =>
  judgePeriod(calls, {
    startMs,
    endMs: startMs + HOUR_MS,
    judge: { weight: null },
    random: createRandom("period"),
  });

describe("a period", () => {
  test("of equal arms is not rolled back; arms at the margin are judged beside it", () => {
    const found = period(hour(START_MS));
    expect(found.equal.rollback).toBeNull();
    expect(found.calls.baseline + found.calls.canary).toBe(600);
    expect([found.errors_at_margin?.promote, found.time_at_margin?.promote]).toEqual([null, null]);
    expect(found).toMatchObject({ from: "2026-11-20T12:00:00.000Z", to: "2026-11-20T13:00:00.000Z" });
  });

  test("of arms that differ is: the judge is the one that canaries have", () => {
    expect(period(hour(START_MS, { worse: 8 })).equal.rollback).toBeGreaterThan(0);
  });

  test("without errors or times has no such margin", () => {
    const clean = hour(START_MS).map((call) => ({ ...call, error: false, durationMs: 0 }));
    expect(period(clean)).toMatchObject({ errors_at_margin: null, time_at_margin: null });
  });
});

const NOTHING = { target: "notes", periodMs: HOUR_MS, since: "2026-11-20T12:00:00.000Z" };
const said = (rollback: number | null, promote: number | null) => ({ rollback, promote });
const at = (index: number): string => new Date(START_MS + (index + 1) * HOUR_MS).toISOString();
const history = (equal: readonly AaPeriod["equal"][], margin: AaPeriod["equal"] = said(3, null)): AaHistory =>
  equal.reduce(
    (all, verdict, i) =>
      addPeriod(all, {
        from: all.until,
        to: at(i),
        calls: { baseline: 1, canary: 1 },
        equal: verdict,
        errors_at_margin: margin,
        time_at_margin: null,
      }),
    emptyHistory({ ...NOTHING, promised: { rollback: 0.05, promotion: 0.05 } }),
  );

describe("the rates", () => {
  test("are those of all periods, with what was promised; none before the first", () => {
    expect(ratesOf(history([]))).toBeNull();
    const rates = ratesOf(history([said(null, 4), said(null, null), said(2, 9), said(null, 5)]));
    expect(rates).toMatchObject({
      periods: 4,
      falseRollback: { promised: 0.05, measured: { count: 1, rate: 0.25 } },
      falsePromotion: { measured: { count: 0, rate: 0 }, isBroken: false },
      undecided: { count: 1 },
    });
  });

  test("are called broken when the whole interval lies above the promise", () => {
    const calm = Array.from({ length: 90 }, () => said(null, 4));
    const drifting = Array.from({ length: 30 }, () => said(7, null));
    expect(ratesOf(history([...calm, said(7, null)]))?.falseRollback.isBroken).toBe(false);
    expect(ratesOf(history([...calm, ...drifting]))?.falseRollback.isBroken).toBe(true);
    expect(ratesOf(history(calm, said(null, 3)))?.falsePromotion?.isBroken).toBe(true);
  });

  test("count every period, those too that are not listed any more", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 420 }), (verdicts) => {
        const all = history(verdicts.map(([back, on]) => said(back ? 1 : null, on ? 2 : null)));
        const count = (holds: (one: [boolean, boolean]) => boolean): number => verdicts.filter(holds).length;
        expect(all.totals.equal).toEqual({
          periods: verdicts.length,
          rollback: count(([back]) => back),
          promote: count(([, on]) => on),
          undecided: count(([back, on]) => !back && !on),
        });
        expect(all.periods.length).toBe(Math.min(400, verdicts.length));
        expect(all.until).toBe(at(verdicts.length - 1));
        expect(AaHistory.safeParse(all).success).toBe(true);
      }),
      { numRuns: 20 },
    );
  });
});

/** A target with a store, a state and a clock that stands `hours` after the start. */
async function live(hours: number, change: Partial<LiveAa> = {}) {
  const [store, clock] = [memoryStore(), manualClock()];
  clock.advance(START_MS + hours * HOUR_MS + 61_000 - Number(clock.now() / 1_000_000n));
  let made = 0;
  const serve = async (calls: readonly CallSample[], versions: Partial<Record<Arm, string>> = {}) => {
    await store.append(
      calls.map(({ timestamp, operation, durationMs, error, arm, session }): Span => {
        const call = relayedCall((made += 1), {
          startNs: BigInt(Math.floor(timestamp * 1_000)) * 1_000n,
          durationNs: Math.round(durationMs * 1e6),
          status: error ? "error" : "ok",
        });
        const version = versions[arm];
        return {
          ...call,
          service: "notes",
          attributes: { ...call.attributes, [ATTR.toolName]: operation, [ATTR.mcpSession]: session },
          resource: {
            ...call.resource,
            [ATTR.arm]: arm,
            ...(version !== undefined && { [ATTR.serviceVersion]: version }),
          },
        };
      }),
    );
  };
  const aa: LiveAa = {
    state: openMemoryState(),
    spans: store,
    clock,
    target: "notes",
    settings: CanarySettings.parse({}),
    periodMs: HOUR_MS,
    rollout: () => Promise.resolve(undefined),
    ...change,
  };
  return { aa, serve, clock };
}

describe("an A/A of a target", () => {
  test("judges each period once, when it is over, and goes on where it was", async () => {
    const { aa, serve, clock } = await live(2);
    await serve([...hour(START_MS), ...hour(START_MS + HOUR_MS), ...hour(START_MS + 2 * HOUR_MS)]);
    const first = await continueAa(aa, START_MS + 10 * 60_000);
    expect(first.periods.map(({ from }) => from)).toEqual(["2026-11-20T12:00:00.000Z", "2026-11-20T13:00:00.000Z"]);
    expect(first.periods.every(({ calls }) => calls.baseline + calls.canary === 600)).toBe(true);
    expect(nextDueMs(first)).toBe(START_MS + 3 * HOUR_MS + 60_000);
    expect(await continueAa(aa, 0)).toEqual(first);
    clock.advance(HOUR_MS);
    const later = await continueAa(aa, 0);
    expect(later.periods.slice(0, 2)).toEqual(first.periods);
    expect(later.totals.equal.periods).toBe(3);
    expect(await readAa(await aa.state.view(), aa)).toEqual(later);
    // Other options have a history of their own.
    const strict = { ...aa, settings: CanarySettings.parse({ alpha: 0.01 }) };
    expect(aaPath(strict)).not.toBe(aaPath(aa));
    expect(await readAa(await aa.state.view(), strict)).toBeUndefined();
  });

  test("skips, and counts, periods with a silent arm, unlike versions or a rollout", async () => {
    const silent = await live(2);
    await silent.serve(hour(START_MS).map((call) => ({ ...call, arm: "baseline" as const })));
    expect(await continueAa(silent.aa, START_MS)).toMatchObject({ skipped: { silent_arm: 2 }, periods: [] });
    const unlike = await live(1);
    await unlike.serve(hour(START_MS), { baseline: "1.0.0", canary: "1.1.0" });
    expect(await continueAa(unlike.aa, START_MS)).toMatchObject({ skipped: { versions_differ: 1 }, periods: [] });
    const alike = await live(1);
    await alike.serve(hour(START_MS), { baseline: "1.0.0", canary: "1.0.0" });
    expect((await continueAa(alike.aa, START_MS)).periods).toHaveLength(1);
  });

  test.each([
    ["has traffic", { phase: "exposure" as const }, 2],
    ["was over before", { phase: "rolled_back" as const, since: new Date(START_MS - 1).toISOString() }, 0],
    [
      "ended within the first period",
      { phase: "rolled_back" as const, since: new Date(START_MS + 1).toISOString() },
      1,
    ],
    ["never had traffic", { phase: "staging_soak" as const, exposedSince: null }, 0],
  ])("a rollout that %s", async (_, change, skipped) => {
    const plan = planOf(DeploymentSettings.parse({ expose: "true", promote: "true" }));
    const begun = startRollout({ id: "r1", target: "notes", candidate: "abc", plan }, "2026-11-20T00:00:00.000Z");
    const rollout: Rollout = { ...begun, exposedSince: "2026-11-20T01:00:00.000Z", ...change };
    const { aa, serve } = await live(2, { rollout: () => Promise.resolve(rollout) });
    await serve([...hour(START_MS), ...hour(START_MS + HOUR_MS)]);
    const { skipped: counted, periods } = await continueAa(aa, START_MS);
    expect([counted.rollout, periods.length]).toEqual([skipped, 2 - skipped]);
  });

  test("tells the gate what is broken, and nothing before the first period", async () => {
    const { aa } = await live(1);
    const of = { target: aa.target, settings: aa.settings };
    expect(await knownDrift(await aa.state.view(), of)).toBeUndefined();
    const write = async (equal: readonly AaPeriod["equal"][]) => {
      const change = new Map([[aaPath(aa), JSON.stringify(history(equal))]]);
      await aa.state.update("history", () => Promise.resolve({ change, value: undefined }));
      return await knownDrift(await aa.state.view(), of);
    };
    expect(await write([said(null, 4)])).toEqual({ rollback: false, promotion: false });
    expect(await write(Array.from({ length: 30 }, () => said(7, null)))).toEqual({ rollback: true, promotion: false });
  });

  test("of two that run at once counts each period once", async () => {
    const { aa, serve } = await live(3);
    await serve([...hour(START_MS), ...hour(START_MS + HOUR_MS), ...hour(START_MS + 2 * HOUR_MS)]);
    const both = await Promise.all([continueAa(aa, START_MS), continueAa(aa, START_MS)]);
    for (const { totals } of both) expect(totals.equal.periods).toBe(3);
    expect(both[0]).toEqual(both[1]);
  });

  test("on a file that somebody edited into nonsense is an error, and the file stays", async () => {
    const { aa } = await live(1);
    const broken = new Map([[aaPath(aa), "{}"]]);
    await aa.state.update("broken", () => Promise.resolve({ change: broken, value: undefined }));
    await expect(continueAa(aa, START_MS)).rejects.toMatchObject({ code: "input_unreadable" });
    expect(await (await aa.state.view()).read(aaPath(aa))).toBe("{}");
  });
});
