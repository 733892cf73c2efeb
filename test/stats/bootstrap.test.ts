import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { quantileRatioInterval } from "../../src/stats/bootstrap.ts";
import { createRandom, randomNormal } from "../../src/stats/random.ts";

const lognormal = (seed: string, n: number, location: number): number[] => {
  const random = createRandom(seed);
  return Array.from({ length: n }, () => Math.exp(location + 0.5 * randomNormal(random)));
};
const base = { p: 0.5, level: 0.95 };

describe("quantileRatioInterval", () => {
  test("is the same for the same seed and another for another", () => {
    const before = lognormal("b", 80, 2);
    const after = lognormal("a", 80, 1);
    const run = (seed: string) => quantileRatioInterval({ ...base, before, after, random: createRandom(seed) });
    expect(run("1")).toEqual(run("1"));
    expect(run("1").interval).not.toEqual(run("2").interval);
    expect(run("1").ratio).toBe(run("2").ratio);
  });

  test("covers the true ratio about as often as its level says", () => {
    let covered = 0;
    for (let run = 0; run < 200; run++) {
      const before = lognormal(`before ${run}`, 60, Math.log(2));
      const after = lognormal(`after ${run}`, 60, 0);
      const { interval } = quantileRatioInterval({ ...base, before, after, resamples: 300, random: createRandom(run) });
      if (interval.low <= 0.5 && interval.high >= 0.5) covered += 1;
    }
    expect(covered).toBeGreaterThanOrEqual(180);
    expect(covered).toBeLessThan(200);
  });

  test("does not depend on the order or the unit of the values, and inverts with the samples' roles", () => {
    const values = fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 3, maxLength: 40 });
    fc.assert(
      fc.property(values, values, (before, after) => {
        const run = (b: readonly number[], a: readonly number[]) =>
          quantileRatioInterval({ ...base, p: 0.9, before: b, after: a, resamples: 100, random: createRandom("x") });
        const { ratio, interval } = run(before, after);
        expect(run([...before].reverse(), [...after].reverse())).toEqual({ ratio, interval });
        expect(interval.low).toBeLessThanOrEqual(interval.high);
        const scaled = run(
          before.map((v) => v * 1024),
          after.map((v) => v * 1024),
        );
        expect(scaled.ratio).toBeCloseTo(ratio, 10);
        expect(run(after, before).ratio).toBeCloseTo(1 / ratio, 10);
      }),
      { numRuns: 50 },
    );
  });

  test("equals the plain bootstrap that sorts every resample", () => {
    const before = lognormal("plain b", 7, 0);
    const after = lognormal("plain a", 9, 0);
    const random = createRandom("plain");
    const median = (values: readonly number[]): number => {
      const sorted = [...values].sort((x, y) => x - y);
      const draw = sorted.map(() => sorted[Math.floor(random.uniform() * sorted.length)] ?? Number.NaN);
      return draw.sort((x, y) => x - y)[(sorted.length - 1) / 2] ?? Number.NaN;
    };
    const ratios = Array.from({ length: 101 }, () => median(after) / median(before)).sort((x, y) => x - y);
    const { interval } = quantileRatioInterval({
      ...base,
      level: 0.9,
      before,
      after,
      resamples: 101,
      random: createRandom("plain"),
    });
    expect(interval).toEqual({ low: ratios[5], high: ratios[95], level: 0.9 });
  });

  test("constants give a point, impossible samples are refused", () => {
    const random = createRandom("edge");
    expect(quantileRatioInterval({ ...base, before: [4, 4], after: [2, 2], random })).toEqual({
      ratio: 0.5,
      interval: { low: 0.5, high: 0.5, level: 0.95 },
    });
    expect(() => quantileRatioInterval({ ...base, before: [], after: [1], random })).toThrow("at least one value");
    expect(() => quantileRatioInterval({ ...base, before: [0], after: [1], random })).toThrow("positive");
    expect(() => quantileRatioInterval({ ...base, before: [1], after: [1], resamples: 9, random })).toThrow(
      "resamples",
    );
  });
});
