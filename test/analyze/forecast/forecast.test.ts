import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { forecastCapacity } from "../../../src/analyze/forecast/capacity.ts";
import { forecast } from "../../../src/analyze/forecast/forecast.ts";
import { ahead, fit, smooth } from "../../../src/analyze/forecast/holt-winters.ts";
import { naive, periodDifferences } from "../../../src/analyze/forecast/naive.ts";
import { createRandom, randomNormal } from "../../../src/stats/random.ts";

const HOUR = 3_600_000;
const hourly = (values: readonly (number | null)[]) => values.map((value, i) => ({ timeMs: i * HOUR, value }));

/** Noise of standard deviation `spread` around a shape. */
function noisy(n: number, shape: (i: number) => number, { seed = "", spread = 1 }): number[] {
  const random = createRandom(seed);
  return Array.from({ length: n }, (_, i) => shape(i) + spread * randomNormal(random));
}

const day = (i: number): number => 20 * Math.sin((2 * Math.PI * i) / 24);

describe("smooth and ahead", () => {
  const how = { alpha: 0.5, beta: 0.2, gamma: 0, phi: 0.9 };

  test("the recursion by hand", () => {
    // Start: level 10 − 2 = 8, trend 2. Errors: 10 − 9.8 = 0.2; 12 − 11.71 = 0.29; 13 − 13.5256 = −0.5256.
    const { state } = smooth([10, 12, 13], how, 1);
    // Median rise of 10, 12, 13 is 1.5: level 8.5, trend 1.5.
    let [level, trend] = [8.5, 1.5];
    for (const value of [10, 12, 13]) {
      const error = value - (level + 0.9 * trend);
      [level, trend] = [level + 0.9 * trend + 0.5 * error, 0.9 * trend + 0.2 * error];
    }
    expect(state.level).toBeCloseTo(level, 12);
    expect(state.trend).toBeCloseTo(trend, 12);
  });

  test("damped trend: ℓ + (φ + φ² + φ³) b", () => {
    const run = { state: { level: 100, trend: 10, season: [0] }, variance: 4 };
    const [one, two, three] = ahead(run, how, { length: 0, steps: 3, m: 1 });
    expect(one?.value).toBeCloseTo(109, 9);
    expect(two?.value).toBeCloseTo(100 + 10 * (0.9 + 0.81), 9);
    expect(three?.value).toBeCloseTo(100 + 10 * (0.9 + 0.81 + 0.729), 9);
    expect(one?.spread).toBe(2);
    // c_1 = α + βφ = 0.68.
    expect(two?.spread).toBeCloseTo(2 * Math.sqrt(1 + 0.68 ** 2), 9);
  });

  test("without trend the variance is that of simple smoothing: σ²(1 + (h − 1)α²)", () => {
    const run = { state: { level: 5, trend: 0, season: [0] }, variance: 1 };
    const steps = ahead(run, { alpha: 0.3, beta: 0, gamma: 0, phi: 0.9 }, { length: 0, steps: 10, m: 1 });
    for (const [i, { value, spread }] of steps.entries()) {
      expect(value).toBe(5);
      expect(spread ** 2).toBeCloseTo(1 + i * 0.09, 9);
    }
  });

  test("the season goes on where the values end", () => {
    const run = { state: { level: 0, trend: 0, season: [1, 2, 3] }, variance: 0 };
    const values = ahead(run, { ...how, gamma: 0.1 }, { length: 7, steps: 4, m: 3 }).map(({ value }) => value);
    expect(values).toEqual([2, 3, 1, 2]);
  });

  test("parameters stay within their bounds", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 12, maxLength: 40 }),
        fc.constantFrom(1, 4),
        (values, m) => {
          const { alpha, beta, gamma, phi } = fit(values, m);
          expect(alpha).toBeGreaterThanOrEqual(0);
          expect(alpha).toBeLessThanOrEqual(1);
          expect(beta).toBeLessThanOrEqual(alpha);
          expect(gamma).toBeLessThanOrEqual(1 - alpha + 1e-12);
          expect(phi).toBeGreaterThanOrEqual(0.8);
          expect(phi).toBeLessThanOrEqual(0.98);
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe("naive", () => {
  test("the same phase of the last period, also around a gap", () => {
    const values = [1, 2, 3, 4, null, 6];
    expect(naive(values, 5, 3).map(({ value }) => value)).toEqual([4, 2, 6, 4, 2]);
    expect(periodDifferences(values, 3)).toEqual([3, 3]);
  });

  test("the spread grows with each period", () => {
    const spreads = naive([0, 0, 1, 1, 2, 2], 4, 2).map(({ spread }) => spread);
    for (const [i, expected] of [1, 1, Math.SQRT2, Math.SQRT2].entries()) expect(spreads[i]).toBeCloseTo(expected, 12);
  });
});

describe("forecast", () => {
  test("a daily rhythm goes on, better than the naive method", () => {
    const past = noisy(24 * 10, (i) => 100 + day(i), { seed: "season", spread: 3 });
    const found = forecast(hourly(past), { steps: 24, periodSteps: 24 });
    expect(found).toMatchObject({ method: "holt_winters", periodSteps: 24, notes: [] });
    expect(found.backtest?.mase).toBeLessThan(found.backtest?.naiveMase ?? 0);
    for (const [i, { timeMs, value }] of found.points.entries()) {
      expect(timeMs).toBe((240 + i) * HOUR);
      expect(Math.abs(value - 100 - day(240 + i))).toBeLessThan(6);
    }
  });

  test("where the naive method is as good it is used, and that is said", () => {
    const random = createRandom("seasonal walk 2");
    const values: number[] = [];
    for (let i = 0; i < 96; i += 1) values.push((values[i - 4] ?? 10 * (i % 4)) + 5 * randomNormal(random));
    const found = forecast(hourly(values), { steps: 4, periodSteps: 4 });
    expect(found).toMatchObject({ method: "naive", parameters: null, notes: [expect.stringMatching(/did not beat/)] });
    expect(found.points.map(({ value }) => value)).toEqual(values.slice(-4));
    expect(found.backtest?.mase).toBe(found.backtest?.naiveMase);
  });

  test("a random walk: the last value, and intervals that widen", () => {
    const random = createRandom("walk");
    let value = 0;
    const { points } = forecast(hourly(Array.from({ length: 200 }, () => (value += randomNormal(random)))), {
      steps: 20,
    });
    const widths = points.map(({ interval }) => interval.high - interval.low);
    expect(widths.at(-1)).toBeGreaterThan(2 * (widths[0] ?? Infinity));
    expect(Math.abs((points[0]?.value ?? 0) - value)).toBeLessThan(2);
  });

  test("prediction intervals hold what they claim: 20 rhythms, 90 %", () => {
    let [held, all] = [0, 0];
    for (let run = 0; run < 20; run += 1) {
      const values = noisy(24 * 8 + 24, (i) => 100 + day(i), { seed: `coverage ${run}`, spread: 4 });
      const { points } = forecast(hourly(values.slice(0, 24 * 8)), { steps: 24, periodSteps: 24 });
      for (const [i, { interval }] of points.entries()) {
        const actual = values[24 * 8 + i] ?? 0;
        all += 1;
        if (actual >= interval.low && actual <= interval.high) held += 1;
      }
    }
    expect(held / all).toBeGreaterThan(0.85);
    expect(held / all).toBeLessThan(0.96);
  });

  test("gaps are bridged", () => {
    const gappy = noisy(24 * 10, (i) => 100 + day(i), { seed: "gaps" }).map((value, i) =>
      i % 7 === 0 || (i > 100 && i < 120) ? null : value,
    );
    const found = forecast(hourly(gappy), { steps: 24, periodSteps: 24 });
    for (const [i, { value }] of found.points.entries()) expect(Math.abs(value - 100 - day(240 + i))).toBeLessThan(6);
  });

  test("too little is said", () => {
    expect(forecast(hourly([1, 2, 3]), { steps: 5 })).toMatchObject({
      method: "none",
      points: [],
      notes: [expect.stringMatching(/3 values are too few/)],
    });
    const short = forecast(hourly(noisy(30, day, { seed: "short" })), { steps: 5, periodSteps: 24 });
    expect(short).toMatchObject({
      periodSteps: 1,
      notes: expect.arrayContaining([expect.stringMatching(/knows no rhythm/)]),
    });
  });

  test("any values: finite numbers, intervals around the value, moved with the level", () => {
    const values = fc.array(fc.option(fc.integer({ min: 0, max: 100 })), { minLength: 10, maxLength: 60 });
    fc.assert(
      fc.property(values, (raw) => {
        const found = forecast(hourly(raw), { steps: 6, periodSteps: 5 });
        for (const { value, interval } of found.points) {
          expect(Number.isFinite(value)).toBe(true);
          expect(interval.low).toBeLessThanOrEqual(value);
          expect(interval.high).toBeGreaterThanOrEqual(value);
        }
        expect(found.points).toHaveLength(found.method === "none" ? 0 : 6);
      }),
      { numRuns: 40 },
    );
  });
});

describe("forecastCapacity", () => {
  const growing = hourly(noisy(200, (i) => 100 + i, { seed: "growth", spread: 2 }));

  test("says when, and between when and when", () => {
    const found = forecastCapacity(growing, 320, { steps: 60 });
    expect(found.state).toBe("expected");
    expect(found.earliestMs).toBeLessThanOrEqual(found.expectedMs ?? 0);
    expect(found.expectedMs).toBeGreaterThanOrEqual(216 * HOUR);
    expect(found.expectedMs).toBeLessThanOrEqual(245 * HOUR);
    if (found.latestMs !== null) expect(found.latestMs).toBeGreaterThanOrEqual(found.expectedMs ?? Infinity);
  });

  test.each([
    [250, "reached"],
    [100_000, "not_expected"],
  ])("limit %i: %s", (limit, state) => {
    expect(forecastCapacity(growing, limit, { steps: 60 }).state).toBe(state);
  });

  test("without a forecast it is unknown", () => {
    expect(forecastCapacity(hourly([1, 2]), 10, { steps: 60 })).toMatchObject({
      state: "unknown",
      expectedMs: null,
      horizonMs: null,
    });
  });

  test("a noisy level only possibly gets there", () => {
    const { state } = forecastCapacity(hourly(noisy(200, () => 100, { seed: "level", spread: 10 })), 112, {
      steps: 24,
    });
    expect(state).toBe("possible");
  });
});
