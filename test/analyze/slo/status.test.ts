import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { countCalls, type CountedRow } from "../../../src/analyze/slo/counts.ts";
import { objectiveOf, type Objective } from "../../../src/analyze/slo/objective.ts";
import { readSloStatus } from "../../../src/analyze/slo/read.ts";
import { isNoAccident, sloReport, sloStatus } from "../../../src/analyze/slo/status.ts";
import { SloStatus } from "../../../src/model/slo.ts";
import { SloSettings } from "../../../src/config/slo.ts";
import { sketchBin } from "../../../src/stats/sketch.ts";
import { memoryStore } from "../../../src/store/memory.ts";
import { span, spanIdOf } from "../population.ts";

const MINUTE = 60_000_000_000n;
const DAY_NS = 86_400e9;
const NOW = 1_763_640_000_000_000_000n;

const objective: Objective = {
  target: "notes",
  name: "available",
  service: "notes",
  sli: "availability",
  objective: 0.999,
  windowNs: 30 * DAY_NS,
};

/** Calls of one minute, `minutes` ago. */
const counts = (minutes: number, total: number, bad: number) =>
  [NOW - BigInt(minutes) * MINUTE, { total, bad, uncertain: 0 }] as const;

const burning = (status: SloStatus) =>
  status.burnRates.filter(({ firing }) => firing).map(({ longSeconds }) => longSeconds / 3_600);

describe("error budget", () => {
  test("1,000,000 calls at 99.9 %: 250 bad ones spend a quarter", () => {
    const status = sloStatus(objective, new Map([counts(20_000, 1_000_000, 250)]), NOW);
    expect(status.value).toBeCloseTo(0.99975, 12);
    expect(status.budgetLeft).toBeCloseTo(0.75, 9);
    expect(status).toMatchObject({ calls: 1_000_000, bad: 250, verdict: "pass", alert: "none", reasons: ["ok"] });
    SloStatus.parse(status);
  });

  test("more than allowed is missed", () => {
    const status = sloStatus(objective, new Map([counts(20_000, 10_000, 11)]), NOW);
    expect(status.budgetLeft).toBeCloseTo(-0.1, 9);
    expect(status).toMatchObject({ verdict: "fail", reasons: ["slo_missed"] });
  });

  test("no call is no data and never a pass", () => {
    const status = sloStatus(objective, new Map([counts(31 * 1_440, 10_000, 0)]), NOW);
    expect(status).toMatchObject({
      value: null,
      budgetLeft: null,
      alert: "no_data",
      verdict: "inconclusive",
      reasons: ["evidence_insufficient"],
    });
    expect(sloReport([status]).verdict).toBe("inconclusive");
    expect(sloReport([]).verdict).toBe("inconclusive");
  });

  test("only the period counts, in whole minutes", () => {
    const inside = sloStatus(objective, new Map([counts(30 * 1_440, 7, 0)]), NOW);
    const outside = sloStatus(objective, new Map([counts(30 * 1_440 + 1, 7, 0)]), NOW);
    expect([inside.calls, outside.calls]).toEqual([7, 0]);
    expect(inside.window).toEqual({ since: "2025-10-21T12:00:00.000Z", until: "2025-11-20T12:00:00.000Z" });
  });
});

describe("burn rates", () => {
  test("factors of the Site Reliability Workbook for 30 days", () => {
    const { burnRates } = sloStatus(objective, new Map(), NOW);
    const table = burnRates.map((pair) => [
      pair.severity,
      pair.longSeconds,
      pair.shortSeconds,
      Number(pair.factor.toFixed(6)),
    ]);
    expect(table).toEqual([
      ["page", 3_600, 300, 14.4],
      ["page", 21_600, 1_800, 6],
      ["ticket", 86_400, 7_200, 3],
      ["ticket", 259_200, 21_600, 1],
    ]);
  });

  test("28 days as in Sloth's table; pairs below a rate of 1 are left out", () => {
    const factors = (days: number) =>
      sloStatus({ ...objective, windowNs: days * DAY_NS }, new Map(), NOW).burnRates.map(({ factor }) => factor);
    for (const [i, factor] of [13.44, 5.6, 2.8].entries()) expect(factors(28)[i]).toBeCloseTo(factor, 9);
    expect(factors(28)).toHaveLength(3);
    expect(factors(7)).toHaveLength(2);
    expect(factors(0.02)).toEqual([]);
  });

  const steady = (minutes: number, share: number) =>
    new Map(Array.from({ length: minutes }, (_, i) => counts(i + 1, 1_000, Math.round(1_000 * share))));

  test("2 % errors for an hour page at once", () => {
    const status = sloStatus(objective, steady(60, 0.02), NOW);
    expect(status.burnRates[0]).toMatchObject({
      long: expect.closeTo(20, 9),
      short: expect.closeTo(20, 9),
      firing: true,
    });
    expect(status).toMatchObject({ alert: "page", verdict: "fail", reasons: ["slo_missed", "slo_burning"] });
  });

  test("an outage that is over no longer fires the quick pair", () => {
    const over = new Map(
      [...steady(60, 0.02)].map(([at, of]) => (NOW - at <= 6n * MINUTE ? [at, { ...of, bad: 0 }] : [at, of])),
    );
    expect(burning(sloStatus(objective, over, NOW))).not.toContain(1);
  });

  test("0.2 % errors for three days are a ticket", () => {
    expect(sloStatus(objective, steady(3 * 1_440, 0.002), NOW)).toMatchObject({ alert: "ticket" });
  });

  test("one error of six calls in the hour is no alert", () => {
    const quiet = new Map([counts(2, 6, 1), counts(10_000, 100_000, 0)]);
    const status = sloStatus(objective, quiet, NOW);
    expect(status.burnRates[0]).toMatchObject({ long: expect.closeTo(166.7, 1), firing: false });
    expect(status.alert).toBe("none");
  });

  test.each([
    [6, 1, false],
    [6, 2, true],
    [600, 9, true],
    [10_000, 12, false],
  ])("of %i calls %i bad at 99.9 %%: alarming %s", (total, bad, alarming) => {
    expect(isNoAccident({ total, bad, uncertain: 0 }, 0.999)).toBe(alarming);
  });

  test("more bad calls never leave more budget or a lower rate", () => {
    const minute = fc.record({
      at: fc.integer({ min: 1, max: 5_000 }),
      total: fc.integer({ min: 1, max: 500 }),
      bad: fc.nat(100),
    });
    fc.assert(
      fc.property(fc.array(minute, { minLength: 1, maxLength: 30 }), (given) => {
        const map = (extra: number) =>
          new Map(given.map(({ at, total, bad }) => counts(at, total + 101, Math.min(total, bad) + extra)));
        const [less, more] = [sloStatus(objective, map(0), NOW), sloStatus(objective, map(1), NOW)];
        expect(more.budgetLeft ?? 1).toBeLessThan(less.budgetLeft ?? 0);
        for (const [i, { long }] of less.burnRates.entries()) {
          expect(more.burnRates[i]?.long ?? 0).toBeGreaterThanOrEqual(long ?? 0);
        }
      }),
    );
  });
});

describe("countCalls", () => {
  const row = (over: Partial<CountedRow>): CountedRow => ({
    service: "notes",
    operation: "tools/call search",
    kind: "server",
    status: "unset",
    minuteNs: NOW,
    count: 1,
    durations: new Map(),
    ...over,
  });
  const counted = (of: Objective, ...rows: readonly CountedRow[]) => {
    const calls = countCalls(of);
    for (const one of rows) calls.add(one);
    return [...calls.minutes().values()];
  };
  const took = (...ms: readonly number[]) => {
    const durations = new Map<number, number>();
    for (const one of ms) durations.set(sketchBin(one * 1e6), (durations.get(sketchBin(one * 1e6)) ?? 0) + 1);
    return row({ count: ms.length, durations });
  };

  test("counts what the service served, else what it asked for", () => {
    const served = [row({ count: 5 }), row({ count: 2, status: "error" })];
    const asked = [row({ kind: "client", count: 9 }), row({ kind: "internal", count: 50 })];
    expect(counted(objective, ...served, ...asked)).toEqual([{ total: 7, bad: 2, uncertain: 0 }]);
    expect(counted(objective, ...asked)).toEqual([{ total: 9, bad: 0, uncertain: 0 }]);
  });

  test("other services and operations do not count", () => {
    const rows = [row({ service: "other" }), row({ operation: "tools/list" })];
    expect(counted({ ...objective, operation: "tools/call search" }, ...rows)).toEqual([]);
  });

  const latency: Objective = { ...objective, sli: "latency", thresholdNs: 100e6, objective: 0.9 };

  test("latency: what is clearly slower is bad, what the sketch cannot tell is said", () => {
    expect(counted(latency, took(10, 97, 100, 104, 500))).toEqual([{ total: 5, bad: 2, uncertain: 1 }]);
    const status = sloStatus(latency, new Map([[NOW - MINUTE, { total: 100, bad: 5, uncertain: 10 }]]), NOW);
    expect(status).toMatchObject({ value: 0.95, uncertain: 10, thresholdMs: 100 });
    expect(status.interval?.low).toBeLessThan(0.85);
    expect(status.interval?.high).toBeLessThan(1);
  });

  test("latency: against the durations themselves", () => {
    const durations = fc.array(fc.double({ min: 0.001, max: 1_000, noNaN: true }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(durations, fc.integer({ min: 1, max: 999 }), (all, threshold) => {
        const ms = all.map((one) => Math.round(one * 1e6) / 1e6);
        const [found] = counted({ ...latency, thresholdNs: threshold * 1e6 }, took(...ms));
        const slow = ms.filter((one) => one > threshold).length;
        expect(slow).toBeGreaterThanOrEqual(found?.bad ?? Infinity);
        expect(slow).toBeLessThanOrEqual((found?.bad ?? 0) + (found?.uncertain ?? 0));
        const near = ms.filter((one) => one > threshold * 0.979 && one < threshold * 1.021).length;
        expect(found?.uncertain).toBeLessThanOrEqual(near);
      }),
    );
  });
});

describe("from configuration and store", () => {
  test("settings become an objective, the store's rollups its calls", async () => {
    const settings = SloSettings.parse({
      name: "fast",
      sli: "latency",
      threshold: "100ms",
      objective: 90,
      window: "1d",
    });
    const own = objectiveOf("notes", settings);
    expect(own).toEqual({
      target: "notes",
      name: "fast",
      service: "notes",
      sli: "latency",
      objective: 0.9,
      windowNs: DAY_NS,
      thresholdNs: 100e6,
    });
    await using store = memoryStore();
    const call = (n: number, ago: bigint, ms: number) =>
      span({ spanId: spanIdOf(n), kind: "server", startNs: NOW - ago * MINUTE, durationNs: ms * 1e6 });
    await store.append([call(0, 5n, 10), call(1, 6n, 900), call(2, 2_000n, 900)]);
    expect(await readSloStatus(store, own, NOW)).toMatchObject({ calls: 2, bad: 1, value: 0.5, verdict: "fail" });
  });
});
