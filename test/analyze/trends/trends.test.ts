import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { collectSeries } from "../../../src/analyze/series.ts";
import { operationTrends } from "../../../src/analyze/trends/operations.ts";
import { analyzeTrends, type TrendPoint } from "../../../src/analyze/trends/trends.ts";
import { createRandom, randomNormal } from "../../../src/stats/random.ts";
import { sketchBin } from "../../../src/stats/sketch.ts";

const HOUR = 3_600_000;
const hourly = (values: readonly (number | null)[]): TrendPoint[] =>
  values.map((value, i) => ({ timeMs: i * HOUR, value }));

function noise(n: number, seed: string, phi = 0): number[] {
  const random = createRandom(seed);
  let value = randomNormal(random);
  return Array.from({ length: n }, () => (value = phi * value + Math.sqrt(1 - phi ** 2) * randomNormal(random)));
}

describe("shapes", () => {
  test("noise is flat", () => {
    const trend = analyzeTrends(hourly(noise(200, "flat")));
    expect(trend).toMatchObject({ shape: "flat", values: 200, changePoints: [] });
    expect(trend.p).toBeGreaterThan(0.05);
  });

  test("a line: slope per hour within its interval", () => {
    const trend = analyzeTrends(hourly(noise(200, "line").map((value, i) => 100 + 0.1 * i + value)));
    expect(trend.shape).toBe("line");
    expect(trend.slopePerHour).toBeCloseTo(0.1, 2);
    expect(trend.interval?.low).toBeLessThan(0.1);
    expect(trend.interval?.high).toBeGreaterThan(0.1);
    expect(trend.changePoints).toEqual([]);
  });

  test("a step: when, how much, and how sure", () => {
    const { shape, changePoints } = analyzeTrends(
      hourly(noise(200, "step").map((value, i) => value + (i < 120 ? 10 : 14))),
    );
    expect(shape).toBe("steps");
    expect(changePoints).toHaveLength(1);
    const [change] = changePoints;
    expect(change?.fromMs).toBeLessThanOrEqual(120 * HOUR);
    expect(change?.toMs).toBeGreaterThanOrEqual(120 * HOUR);
    expect((change?.toMs ?? 0) - (change?.fromMs ?? 0)).toBeLessThanOrEqual(6 * HOUR);
    expect(change?.interval.low).toBeLessThan(4);
    expect(change?.interval.high).toBeGreaterThan(4);
    expect(change?.interval.low).toBeGreaterThan(3);
  });

  test("latencies: changes are ratios", () => {
    const values = noise(160, "log").map((value, i) => Math.exp(0.2 * value) * (i < 80 ? 50 : 150));
    const { changePoints } = analyzeTrends(hourly(values), { scale: "log" });
    expect(changePoints).toHaveLength(1);
    expect(changePoints[0]?.change).toBeGreaterThan(1.7);
    expect(changePoints[0]?.change).toBeLessThan(2.3);
    expect(changePoints[0]?.after).toBeGreaterThan(130);
  });

  test("steps without any noise are exact", () => {
    const values = [...Array(20).fill(3), ...Array(20).fill(9)];
    const [change] = analyzeTrends(hourly(values)).changePoints;
    expect(change).toMatchObject({
      timeMs: 20 * HOUR,
      fromMs: 20 * HOUR,
      toMs: 20 * HOUR,
      before: 3,
      after: 9,
      change: 6,
    });
  });

  test("single outliers are no step", () => {
    const values = noise(100, "spikes").map((value, i) => (i === 40 || i === 70 ? 80 : value));
    expect(analyzeTrends(hourly(values)).shape).toBe("flat");
  });
});

describe("rhythm of a day", () => {
  const daily = (hours: number, slope = 0) =>
    hourly(noise(hours, "day", 0.3).map((value, i) => 100 + slope * i + 20 * Math.sin((2 * Math.PI * i) / 24) + value));

  test("is taken out, so that it is neither slope nor step", () => {
    const trend = analyzeTrends(daily(24 * 7 + 9), { periodSteps: 24 });
    expect(trend.season).toMatchObject({ state: "present", correlation: expect.closeTo(1, 0) });
    expect(trend.shape).toBe("flat");
  });

  test("does not hide a slope", () => {
    const trend = analyzeTrends(daily(24 * 7, 0.2), { periodSteps: 24 });
    expect(trend.shape).toBe("line");
    expect(trend.slopePerHour).toBeCloseTo(0.2, 1);
  });

  test("less than two days is said", () => {
    const trend = analyzeTrends(daily(40), { periodSteps: 24 });
    expect(trend.season?.state).toBe("unknown");
    expect(trend.notes).toEqual([expect.stringMatching(/Less than two periods/)]);
  });

  test("gaps do not shift it", () => {
    const gappy = daily(24 * 7).map((point, i) => (i % 17 === 3 ? { ...point, value: null } : point));
    const trend = analyzeTrends(gappy, { periodSteps: 24 });
    expect(trend.season?.state).toBe("present");
    expect(trend.shape).toBe("flat");
  });

  test("noise has none", () => {
    expect(analyzeTrends(hourly(noise(24 * 7, "none")), { periodSteps: 24 }).season?.state).toBe("absent");
  });
});

describe("limits", () => {
  test("few values are unknown, never flat", () => {
    const trend = analyzeTrends(hourly([1, 2, 3, null, 5]));
    expect(trend).toMatchObject({ shape: "unknown", values: 4, slopePerHour: null, p: null });
    expect(trend.notes[0]).toMatch(/4 values are too few/);
    expect(analyzeTrends([]).shape).toBe("unknown");
  });

  test("more values than can be paired: the newest, and it is said", () => {
    const trend = analyzeTrends(hourly(noise(1_300, "long")));
    expect(trend.values).toBe(1_000);
    expect(trend.notes).toEqual([expect.stringMatching(/oldest 300 of 1300/)]);
  });

  test("false alarms: at most 5 of 60 series of neighbours with correlation 0.5 show steps or a line", () => {
    const alarms = Array.from({ length: 60 }, (_, run) => analyzeTrends(hourly(noise(120, `run ${run}`, 0.5))).shape);
    expect(alarms.filter((shape) => shape === "steps").length).toBeLessThanOrEqual(5);
    expect(alarms.filter((shape) => shape === "line").length).toBeLessThanOrEqual(6);
  });

  test("any values give an answer; a shift in time or level changes no shape", () => {
    const values = fc.array(fc.option(fc.integer({ min: 0, max: 50 })), { maxLength: 80 });
    fc.assert(
      fc.property(values, (raw) => {
        const [plain, moved] = [hourly(raw), hourly(raw.map((value) => (value === null ? null : value + 1_000)))];
        const trend = analyzeTrends(plain, { periodSteps: 12 });
        const later = moved.map((point) => ({ ...point, timeMs: point.timeMs + 7 * HOUR }));
        const other = analyzeTrends(later, { periodSteps: 12 });
        expect(other.shape).toBe(trend.shape);
        expect(other.changePoints.map(({ timeMs }) => timeMs - 7 * HOUR)).toEqual(
          trend.changePoints.map(({ timeMs }) => timeMs),
        );
      }),
    );
  });
});

describe("series and trends of operations", () => {
  const STEP = 3_600_000_000_000n;
  const row = (hour: number, ms: number, over: object = {}) => ({
    service: "notes",
    operation: "search",
    kind: "server" as const,
    status: "unset" as const,
    minuteNs: BigInt(hour) * STEP,
    count: 1,
    durations: new Map([[sketchBin(ms * 1e6), 1]]),
    ...over,
  });
  const window = { sinceNs: 0n, untilNs: 48n * STEP, stepNs: STEP };

  test("a point for every step, counts and quantiles merged", () => {
    const collected = collectSeries({ ...window, untilNs: 3n * STEP });
    const rows = [
      row(0, 10),
      row(0, 20, { status: "error", minuteNs: 60_000_000_000n }),
      row(2, 30),
      row(3, 99),
      row(-1, 99),
    ];
    for (const one of rows) collected.add(one);
    const [series] = collected.series();
    expect(series?.points).toMatchObject([
      { startNs: 0n, calls: 2, errors: 1, p50Ms: expect.closeTo(10, 0), totalMs: expect.closeTo(30, 0) },
      { startNs: STEP, calls: 0, errors: 0, p50Ms: null, p95Ms: null, totalMs: 0 },
      { startNs: 2n * STEP, calls: 1, errors: 0, p95Ms: expect.closeTo(30, 0) },
    ]);
  });

  test("the slower operation stands first, the other is flat", () => {
    const collected = collectSeries(window);
    const random = createRandom("operations");
    for (let hour = 0; hour < 48; hour += 1) {
      collected.add(row(hour, 50 * Math.exp(0.05 * randomNormal(random) + 0.02 * hour)));
      collected.add(row(hour, 50 * Math.exp(0.05 * randomNormal(random)), { operation: "list" }));
    }
    const trends = operationTrends(collected.series(), { metrics: ["p50_ms", "error_rate"] });
    expect(trends[0]).toMatchObject({ operation: "search", metric: "p50_ms", trend: { shape: "line" } });
    expect(trends[0]?.adjustedP).toBeLessThan(0.001);
    expect(trends[0]?.trend.slopePerHour).toBeCloseTo(0.02, 2);
    expect(trends.filter(({ adjustedP }) => adjustedP <= 0.05)).toHaveLength(1);
    expect(trends).toHaveLength(4);
  });
});

describe("a series without noise", () => {
  const points = (values: readonly number[]): TrendPoint[] => values.map((value, i) => ({ timeMs: i * 60_000, value }));
  const level = (value: number, count: number): number[] => Array<number>(count).fill(value);

  test.each([
    ["as it is", [...level(5, 20), ...level(9, 20)], [20]],
    ["with a value out of line", [...level(5, 20), ...level(9, 10), 0, ...level(9, 9)], [20]],
    ["with a short level at the end", [...level(5, 20), ...level(9, 17), ...level(5, 3)], [20]],
    ["with a short level at the start", [...level(1, 2), ...level(5, 18), ...level(9, 20)], [20]],
    ["up and down again", [...level(5, 20), ...level(9, 20), ...level(5, 20)], [20, 40]],
    ["with a blip alone", [...level(5, 20), 50, ...level(5, 20)], []],
  ])("has its steps, %s", (_, values, steps) => {
    const trend = analyzeTrends(points(values));
    expect(trend.shape).toBe(steps.length === 0 ? "flat" : "steps");
    expect(trend.changePoints.map(({ timeMs }) => timeMs / 60_000)).toEqual(steps);
    for (const { before, after } of trend.changePoints) expect(new Set([before, after])).toEqual(new Set([5, 9]));
  });

  test("that only rises is a line", () => {
    expect(analyzeTrends(points(Array.from({ length: 40 }, (_, i) => 3 * i)))).toMatchObject({
      shape: "line",
      slopePerHour: 180,
    });
  });
});
