import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { analyzeTrends, type Trend, type TrendPoint } from "../../../src/analyze/trends/trends.ts";
import { createRandom, randomNormal } from "../../../src/stats/random.ts";

const MINUTE = 60_000;
const points = (values: readonly (number | null)[], stepMs = MINUTE): TrendPoint[] =>
  values.map((value, i) => ({ timeMs: 1_763_640_000_000 + i * stepMs, value }));

/** Level, line, steps or rhythm, with noise: one of each by its number. */
function series(kind: number, seed: number, scale = 1): number[] {
  const random = createRandom(seed);
  return Array.from({ length: 60 }, (_, i) => {
    const shape = [0, i / 4, i < 30 ? 0 : 9, 4 * Math.sin((2 * Math.PI * i) / 12)][kind % 4] ?? 0;
    return scale * (50 + shape + randomNormal(random));
  });
}
const anySeries = fc.record({ kind: fc.nat(3), seed: fc.nat(500) });
const options = { periodSteps: 12 };

/** Everything about a trend that neither a place in time nor the unit changes. */
const essence = ({ shape, p, values, season, changePoints }: Trend) => ({
  shape,
  values,
  p: p?.toPrecision(6),
  season: season?.state,
  steps: changePoints.length,
});
const places = ({ changePoints }: Trend): number[] =>
  changePoints.map(({ timeMs }) => (timeMs - 1_763_640_000_000) / MINUTE);

describe("a trend", () => {
  test("in a unit 1,024 times as small is 1,024 times as steep, and nothing else", () => {
    fc.assert(
      fc.property(anySeries, ({ kind, seed }) => {
        const [small, large] = [1, 1_024].map((scale) => analyzeTrends(points(series(kind, seed, scale)), options));
        if (small === undefined || large === undefined) throw new Error("two trends");
        expect(essence(large)).toEqual(essence(small));
        expect(large.slopePerHour).toBe(1_024 * (small.slopePerHour ?? Number.NaN));
        expect(
          large.changePoints.map(({ timeMs, fromMs, toMs, change }) => [timeMs, fromMs, toMs, change / 1_024]),
        ).toEqual(small.changePoints.map(({ timeMs, fromMs, toMs, change }) => [timeMs, fromMs, toMs, change]));
      }),
      { numRuns: 40 },
    );
  });

  test("of ratios does not know the unit", () => {
    fc.assert(
      fc.property(anySeries, fc.constantFrom(0.001, 7, 1e6), ({ kind, seed }, factor) => {
        const [plain, scaled] = [1, factor].map((scale) =>
          analyzeTrends(points(series(kind, seed, scale)), { ...options, scale: "log" }),
        );
        expect(scaled?.shape).toBe(plain?.shape);
        expect(scaled?.slopePerHour).toBeCloseTo(plain?.slopePerHour ?? Number.NaN, 8);
        expect(scaled?.changePoints.map(({ change }) => change.toFixed(6))).toEqual(
          plain?.changePoints.map(({ change }) => change.toFixed(6)),
        );
      }),
      { numRuns: 40 },
    );
  });

  test("upside down turns slope, changes and intervals round", () => {
    fc.assert(
      fc.property(anySeries, ({ kind, seed }) => {
        const values = series(kind, seed);
        const [up, down] = [
          analyzeTrends(points(values), options),
          analyzeTrends(points(values.map((value) => -value)), options),
        ];
        expect(essence(down)).toEqual(essence(up));
        expect(down.slopePerHour).toBeCloseTo(-(up.slopePerHour ?? Number.NaN), 9);
        expect(down.interval?.low).toBeCloseTo(-(up.interval?.high ?? Number.NaN), 9);
        for (const [i, { change, interval }] of up.changePoints.entries()) {
          expect(down.changePoints[i]?.change).toBeCloseTo(-change, 9);
          expect(down.changePoints[i]?.interval.low).toBeCloseTo(-interval.high, 9);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("backwards has the opposite slope, and its steps at the other ends of the levels", () => {
    for (let seed = 0; seed < 12; seed += 1) {
      const values = series(2, seed);
      const [there, back] = [analyzeTrends(points(values)), analyzeTrends(points(values.toReversed()))];
      expect(back.slopePerHour).toBeCloseTo(-(there.slopePerHour ?? Number.NaN), 9);
      expect(places(there)).toEqual([30]);
      expect(places(back)).toEqual([30]);
      expect(back.changePoints[0]?.change).toBeCloseTo(-(there.changePoints[0]?.change ?? Number.NaN), 9);
    }
  });

  test("white noise with a step of nine standard deviations has that step, whatever the noise", () => {
    const found = Array.from({ length: 100 }, (_, seed) => analyzeTrends(points(series(2, 1_000 + seed))));
    expect(found.filter((trend) => places(trend).join() === "30").length).toBeGreaterThanOrEqual(96);
    const none = Array.from({ length: 100 }, (_, seed) => analyzeTrends(points(series(0, 2_000 + seed))));
    expect(none.filter(({ changePoints }) => changePoints.length > 0).length).toBeLessThanOrEqual(4);
  });

  test("half as fast has half the slope; a shift in time moves its steps along", () => {
    for (const kind of [1, 2]) {
      const values = series(kind, 5);
      const [fast, slow] = [analyzeTrends(points(values)), analyzeTrends(points(values, 2 * MINUTE))];
      expect(slow.slopePerHour).toBeCloseTo((fast.slopePerHour ?? Number.NaN) / 2, 9);
      expect(essence(slow)).toEqual(essence(fast));
      const later = analyzeTrends(points(values).map(({ timeMs, value }) => ({ timeMs: timeMs + 86_400_000, value })));
      expect(later.changePoints.map(({ timeMs }) => timeMs - 86_400_000)).toEqual(
        fast.changePoints.map(({ timeMs }) => timeMs),
      );
    }
  });

  test("does not count what was not measured: absent, no number, or no logarithm", () => {
    for (const kind of [0, 1, 2]) {
      const values = series(kind, 3);
      const sparse = points(values.flatMap((value) => [value, null])).map((point, i) =>
        i % 2 === 1
          ? { ...point, value: [null, Number.NaN, Infinity, -1][i % 4 === 1 ? 0 : (i >> 2) % 4] ?? null }
          : point,
      );
      const dense = points(values, 2 * MINUTE);
      expect(essence(analyzeTrends(sparse, { scale: "log" }))).toEqual(essence(analyzeTrends(dense, { scale: "log" })));
    }
  });

  test("with looser alpha has narrower intervals around the same slope", () => {
    const values = series(1, 8);
    const [strict, loose] = [0.01, 0.2].map((alpha) => analyzeTrends(points(values), { alpha }));
    expect(loose?.slopePerHour).toBe(strict?.slopePerHour);
    expect(loose?.interval?.low).toBeGreaterThan(strict?.interval?.low ?? Number.NaN);
    expect(loose?.interval?.high).toBeLessThan(strict?.interval?.high ?? Number.NaN);
  });
});
