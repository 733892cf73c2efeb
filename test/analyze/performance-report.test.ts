import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { performanceReport } from "../../src/analyze/performance-report.ts";
import { collectSeries, type OperationSeries } from "../../src/analyze/series.ts";
import { createRandom, randomNormal } from "../../src/stats/random.ts";
import { sketchBin } from "../../src/stats/sketch.ts";

const MINUTE = 60_000_000_000n;
const START = 1_763_640_000_000_000_000n;
const HOURS = 24;
const window = { sinceNs: START + BigInt(HOURS * 30) * MINUTE, untilNs: START + BigInt(HOURS * 60) * MINUTE };

type Made = {
  readonly name: string;
  readonly calls: number;
  readonly ms: (minute: number) => number;
  readonly errors?: number;
};

/** Two windows of 12 hours in steps of a quarter of an hour. */
function series(...operations: readonly Made[]): readonly OperationSeries[] {
  const collected = collectSeries({ sinceNs: START, untilNs: window.untilNs, stepNs: 15n * MINUTE });
  for (const { name, calls, ms, errors = 0 } of operations) {
    for (let minute = 0; minute < HOURS * 60; minute += 1) {
      const row = {
        service: "notes",
        operation: name,
        kind: "server" as const,
        minuteNs: START + BigInt(minute) * MINUTE,
      };
      const add = (count: number, status: "ok" | "error") => {
        const durations = new Map([[sketchBin(ms(minute) * 1e6), count]]);
        if (count > 0) collected.add({ ...row, count, status, durations });
      };
      add(calls - errors, "ok");
      add(errors, "error");
    }
  }
  return collected.series();
}

const random = createRandom("report");
const around = (ms: number) => () => ms * Math.exp(0.1 * randomNormal(random));

describe("performanceReport", () => {
  const report = performanceReport({
    series: series(
      { name: "busy", calls: 50, ms: around(20) },
      { name: "slow", calls: 1, ms: around(400) },
      { name: "broken", calls: 4, ms: around(5), errors: 1 },
      { name: "slower", calls: 5, ms: (minute) => around(minute < HOURS * 30 ? 30 : 60)() },
    ),
    ...window,
  });

  test("where the time goes, what is slow, what fails", () => {
    expect(report).toMatchObject({ operations: 4, calls: 60 * 720, errors: 720 });
    expect(report.byTotalTime.map(({ operation }) => operation)).toEqual(["busy", "slow", "slower", "broken"]);
    expect(report.byTotalTime.reduce((sum, { timeShare }) => sum + timeShare, 0)).toBeCloseTo(1, 9);
    expect(report.slowest[0]).toMatchObject({ operation: "slow", p50Ms: expect.closeTo(400, -2) });
    expect(report.errorProne).toMatchObject([{ operation: "broken", errorRate: 0.25, errorChange: { change: 0 } }]);
    expect(report.before).toEqual({ since: "2025-11-20T12:00:00.000Z", until: "2025-11-21T00:00:00.000Z" });
  });

  test("against the window before, and since when", () => {
    const slower = report.slowest.find(({ operation }) => operation === "slower");
    expect(slower?.p95Change).toBeCloseTo(1, 0);
    const [trend] = report.trends;
    expect(trend).toMatchObject({ operation: "slower", trend: { shape: "steps" } });
    expect(trend?.trend.changePoints[0]?.timeMs).toBe(Number(window.sinceNs / 1_000_000n));
    expect(new Set(report.trends.map(({ operation }) => operation))).toEqual(new Set(["slower"]));
  });

  test("nothing in the window", () => {
    const empty = performanceReport({ series: [], ...window });
    expect(empty).toMatchObject({ calls: 0, byTotalTime: [], errorProne: [], trends: [] });
  });

  test("the order of operations does not matter, and lists are no longer than asked", () => {
    const names = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"), { minLength: 1 });
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 5 }), (given, top) => {
        const made = series(...given.map((name, i) => ({ name, calls: 2, ms: () => 10 * (i + 1) })));
        const [one, other] = [made, made.toReversed()].map((each) =>
          performanceReport({ series: each, ...window, top }),
        );
        expect(other).toEqual(one);
        expect(one?.slowest).toHaveLength(Math.min(top, given.length));
      }),
      { numRuns: 10 },
    );
  });
});
