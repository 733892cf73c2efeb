import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { forecastCapacity } from "../../../src/analyze/forecast/capacity.ts";
import { forecast, type Forecast } from "../../../src/analyze/forecast/forecast.ts";
import { createRandom, randomNormal } from "../../../src/stats/random.ts";
import type { TrendPoint } from "../../../src/analyze/trends/trends.ts";

const HOUR = 3_600_000;
const hourly = (values: readonly (number | null)[], startMs = 0): TrendPoint[] =>
  values.map((value, i) => ({ timeMs: startMs + i * HOUR, value }));

/** Growth with a rhythm and noise, of a seed. */
function series(seed: number, growth = 0.5): number[] {
  const random = createRandom(seed);
  return Array.from({ length: 60 }, (_, i) => 40 + growth * i + 6 * Math.sin((Math.PI * i) / 4) + randomNormal(random));
}
const options = { steps: 10, periodSteps: 8 };
const seeds = fc.nat(200);

const essence = ({ method, periodSteps, calibration, notes, backtest }: Forecast) => ({
  method,
  periodSteps,
  notes,
  calibration: calibration.toPrecision(6),
  mase: backtest?.mase.toPrecision(6),
});

describe("a forecast", () => {
  test("in a unit 1,024 times as small is 1,024 times as much, intervals too", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const values = series(seed);
        const [small, large] = [
          forecast(hourly(values), options),
          forecast(hourly(values.map((value) => 1_024 * value)), options),
        ];
        expect(essence(large)).toEqual(essence(small));
        expect(large.points.map(({ value, interval }) => [value, interval.low, interval.high])).toEqual(
          small.points.map(({ value, interval }) => [1_024 * value, 1_024 * interval.low, 1_024 * interval.high]),
        );
      }),
      { numRuns: 10 },
    );
  });

  test("upside down is turned round; at another time it is at another time", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const values = series(seed);
        const plain = forecast(hourly(values), options);
        const turned = forecast(hourly(values.map((value) => -value)), options);
        const later = forecast(hourly(values, 1_763_640_000_000), options);
        expect(essence(turned)).toEqual(essence(plain));
        for (const [i, { value, interval, timeMs }] of plain.points.entries()) {
          expect(turned.points[i]?.value).toBeCloseTo(-value, 6);
          expect(turned.points[i]?.interval.low).toBeCloseTo(-interval.high, 6);
          expect(later.points[i]).toEqual({ ...plain.points[i], timeMs: timeMs + 1_763_640_000_000 });
        }
      }),
      { numRuns: 10 },
    );
  });

  test("does not change what is near when more of the far is asked for, where the method is the same", () => {
    const values = series(4);
    const [short, long] = [8, 24].map((steps) => forecast(hourly(values), { ...options, steps }));
    expect(long?.points.slice(0, 8).map(({ value }) => value)).toEqual(short?.points.map(({ value }) => value));
    expect([short?.method, long?.method]).toEqual(["holt_winters", "holt_winters"]);
  });

  test("intervals widen with the level and hold each other", () => {
    const [narrow, wide] = [0.5, 0.99].map((level) => forecast(hourly(series(9)), { ...options, level }));
    for (const [i, { interval }] of (narrow?.points ?? []).entries()) {
      expect(wide?.points[i]?.interval.low).toBeLessThan(interval.low);
      expect(wide?.points[i]?.interval.high).toBeGreaterThan(interval.high);
    }
  });

  test.each([Number.NaN, Infinity, -Infinity])("%d is not measured, like null", (none) => {
    const values = series(2);
    const gaps = (hole: number | null) => values.map((value, i) => (i % 11 === 5 ? hole : value));
    expect(forecast(hourly(gaps(none)), options)).toEqual(forecast(hourly(gaps(null)), options));
  });
});

describe("when a limit is reached", () => {
  const RANK = ["reached", "expected", "possible", "not_expected"];

  test("the higher, the later and the less sure; earliest, expected and latest in this order", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const limits = [40, 66, 70, 75, 80, 90, 120, 500];
        const found = limits.map((limit) =>
          forecastCapacity(hourly(series(seed, 0.5)), limit, { steps: 40, periodSteps: 8 }),
        );
        const ranks = found.map(({ state }) => RANK.indexOf(state));
        expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
        expect(ranks[0]).toBe(0);
        for (const key of ["earliestMs", "expectedMs", "latestMs"] as const) {
          const times = found.map((one) => one[key] ?? Infinity);
          expect(times).toEqual(times.toSorted((a, b) => a - b));
        }
        for (const { earliestMs, expectedMs, latestMs, horizonMs } of found) {
          const order = [earliestMs, expectedMs, latestMs].map((ms) => ms ?? Infinity);
          expect(order).toEqual(order.toSorted((a, b) => a - b));
          for (const ms of order.filter(Number.isFinite)) expect(ms).toBeLessThanOrEqual(horizonMs ?? 0);
        }
      }),
      { numRuns: 10 },
    );
  });
});
