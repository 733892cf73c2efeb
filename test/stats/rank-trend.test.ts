import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { rankTrend } from "../../src/stats/rank-trend.ts";

const timed = (...values: readonly number[]) => values.map((value, at) => ({ at, value }));

describe("rankTrend", () => {
  test("Sen's example (1968, section 6): slope 4, 93 % interval 3.71 to 4.44", () => {
    const at = [1, 2, 3, 4, 10, 12, 18];
    const values = [9, 15, 19, 20, 45, 55, 78].map((value, i) => ({ at: at[i] ?? 0, value }));
    const { slope, interval } = rankTrend(values, 1, 0.93);
    expect(slope).toBeCloseTo(4, 6);
    expect(interval.low).toBeCloseTo(26 / 7, 1);
    expect(interval.high).toBeCloseTo(4.38, 0);
  });

  test("Mann–Kendall: S = 45 of 10 rising values, Var S = 125", () => {
    // z = (45 − 1) / √125 = 3.9355
    expect(rankTrend(timed(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 1, 0.95).p).toBeCloseTo(8.303e-5, 7);
  });

  test("ties lessen the variance: 3 values of 5 equal", () => {
    // S = 7, Var S = (5·4·15 − 3·2·11) / 18 = 13; z = 6 / √13.
    expect(rankTrend(timed(1, 2, 2, 2, 3), 1, 0.95).p).toBeCloseTo(0.0961, 4);
  });

  test("a quarter of outliers does not move it", () => {
    const values = timed(...Array.from({ length: 20 }, (_, i) => (i % 4 === 1 ? 1_000 : 3 * i + 5)));
    expect(rankTrend(values, 1, 0.95).slope).toBeCloseTo(3, 0);
  });

  test("a constant has no trend", () => {
    expect(rankTrend(timed(7, 7, 7, 7), 1, 0.95)).toMatchObject({ slope: 0, intercept: 7, p: 1 });
  });

  test("autocorrelation widens the interval and lowers the evidence", () => {
    const values = timed(1, 3, 2, 5, 4, 6, 8, 7, 9, 12);
    const [independent, alike] = [rankTrend(values, 1, 0.95), rankTrend(values, 3, 0.95)];
    expect(alike.p).toBeGreaterThan(independent.p);
    expect(alike.interval.low).toBeLessThanOrEqual(independent.interval.low);
    expect(alike.interval.high).toBeGreaterThanOrEqual(independent.interval.high);
  });

  test("adding a line adds its slope; turning the values turns the slope; the interval holds the slope", () => {
    const values = fc.array(fc.integer({ min: -1_000, max: 1_000 }), { minLength: 3, maxLength: 40 });
    fc.assert(
      fc.property(values, fc.integer({ min: -20, max: 20 }), (raw, extra) => {
        const plain = rankTrend(timed(...raw), 1, 0.95);
        expect(plain.interval.low).toBeLessThanOrEqual(plain.slope);
        expect(plain.interval.high).toBeGreaterThanOrEqual(plain.slope);
        expect(rankTrend(timed(...raw.map((value, i) => value + extra * i)), 1, 0.95).slope).toBeCloseTo(
          plain.slope + extra,
          9,
        );
        const turned = rankTrend(timed(...raw.map((value) => -value)), 1, 0.95);
        expect(turned.slope).toBeCloseTo(-plain.slope, 9);
        expect(turned.p).toBeCloseTo(plain.p, 9);
      }),
    );
  });

  test("two values are no trend", () => {
    expect(() => rankTrend(timed(1, 2), 1, 0.95)).toThrow(/No trend of 2 values/);
  });
});
