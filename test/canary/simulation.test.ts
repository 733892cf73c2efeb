import { describe, expect, test } from "@jest/globals";
import { logHarmEValue, logNoHarmEValue } from "../../src/canary/e-values.ts";
import { watchCanary } from "../../src/canary/judge.ts";
import type { CallSample } from "../../src/model/call.ts";
import { createRandom, randomNormal, type Random } from "../../src/stats/random.ts";

/** Three standard errors of a share of `runs` runs at the error rate. */
const slack = (rate: number, runs: number): number => 3 * Math.sqrt((rate * (1 - rate)) / runs);

type Traffic = { readonly calls: number; readonly share: number; readonly rate: number; readonly ratio: number };

/** Looks after every call; only a bad event can change an E-value, so only then is it computed. */
function firstDecision(random: Random, { calls, share, rate, ratio }: Traffic): "rollback" | "promote" | "open" {
  let [canary, baseline] = [0, 0];
  for (let call = 0; call < calls; call++) {
    const isCanary = random.uniform() < share;
    if (random.uniform() >= (isCanary ? rate * ratio : rate)) continue;
    if (isCanary) canary += 1;
    else baseline += 1;
    const events = { prior: share, stages: [{ share, canary, baseline }] };
    if (logHarmEValue(events) >= Math.log(20)) return "rollback";
    if (logNoHarmEValue(events, 2) >= Math.log(20)) return "promote";
  }
  return "open";
}

const shareOf = (what: string, runs: number, traffic: Traffic): number => {
  let found = 0;
  for (let run = 0; run < runs; run++) {
    if (firstDecision(createRandom(`${what} ${run}`), traffic) === what) found += 1;
  }
  return found / runs;
};

describe("errors, looked at after every call", () => {
  const runs = 600;
  const hour = { calls: 1200, share: 0.5, rate: 0.02, ratio: 1 };

  test("an equal canary is rolled back in at most 5 % of runs, at even and uneven splits", () => {
    expect(shareOf("rollback", runs, hour)).toBeLessThanOrEqual(0.05 + slack(0.05, runs));
    expect(shareOf("rollback", runs, { ...hour, share: 0.1 })).toBeLessThanOrEqual(0.05 + slack(0.05, runs));
  });

  test("five times the errors are caught in most runs", () => {
    expect(shareOf("rollback", runs, { ...hour, ratio: 5 })).toBeGreaterThan(0.95);
    expect(shareOf("rollback", runs, { ...hour, ratio: 5, share: 0.1 })).toBeGreaterThan(0.8);
  });

  test("twice the errors are promoted in at most 5 % of runs, equal ones mostly, given time", () => {
    const day = { ...hour, calls: 4800 };
    expect(shareOf("promote", 300, { ...day, ratio: 2 })).toBeLessThanOrEqual(0.05 + slack(0.05, 300));
    expect(shareOf("promote", 300, day)).toBeGreaterThan(0.6);
  });
});

type Run = { readonly ratio: number; readonly slowdown: number; readonly perSession: number };

/** Calls of sessions that go to one arm each; two tools of different speed, lognormal with sd 0.8. */
function sessions(random: Random, { ratio, slowdown, perSession }: Run): CallSample[] {
  const calls: CallSample[] = [];
  let arm: CallSample["arm"] = "baseline";
  for (let i = 0; i < 400; i++) {
    if (i % perSession === 0) arm = random.uniform() < 0.5 ? "canary" : "baseline";
    const worse = arm === "canary";
    const operation = random.uniform() < 0.3 ? "search" : "read";
    const location = (operation === "search" ? 4 : 1) + (worse ? Math.log(slowdown) : 0);
    calls.push({
      timestamp: i * 1_000,
      operation,
      durationMs: Math.exp(location + 0.8 * randomNormal(random)),
      error: random.uniform() < 0.03 * (worse ? ratio : 1),
      arm,
      session: `s${Math.floor(i / perSession)}`,
    });
  }
  return calls;
}

/** The first verdict when the judge is asked every 40 calls. */
function latched(calls: readonly CallSample[], weight: number | null): string {
  const watch = watchCanary({ weight, latencyLimitsMs: { search: 150, read: 8 } });
  for (let n = 0; n < calls.length; n += 40) {
    watch.add(calls.slice(n, n + 40));
    const { verdict } = watch.decide();
    if (verdict !== "continue") return verdict;
  }
  return "continue";
}

describe("the whole judge, asked again and again", () => {
  const runs = 100;
  const same = { ratio: 1, slowdown: 1, perSession: 1 };
  const verdicts = (name: string, run: Run, weight: number | null): string[] =>
    Array.from({ length: runs }, (_, i) => latched(sessions(createRandom(`${name} ${i}`), run), weight));
  const count = (found: readonly string[], verdict: string): number => found.filter((v) => v === verdict).length;

  test("an equal canary is rolled back in at most 5 % of runs: routed calls, sticky sessions, unknown weight", () => {
    const limit = (0.05 + slack(0.05, runs)) * runs;
    expect(count(verdicts("same", same, 0.5), "rollback")).toBeLessThanOrEqual(limit);
    expect(count(verdicts("sticky", { ...same, perSession: 8 }, 0.5), "rollback")).toBeLessThanOrEqual(limit);
    expect(count(verdicts("unknown", same, null), "rollback")).toBeLessThanOrEqual(limit);
  });

  test("five times the errors, or half as slow again, is rolled back in most runs and hardly ever promoted", () => {
    for (const change of [{ ratio: 5 }, { slowdown: 1.5 }]) {
      const found = verdicts(JSON.stringify(change), { ...same, ...change, perSession: 4 }, 0.5);
      expect(count(found, "rollback")).toBeGreaterThan(0.8 * runs);
      expect(count(found, "promote")).toBe(0);
    }
  });
});
