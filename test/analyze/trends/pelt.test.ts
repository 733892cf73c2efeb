import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { noiseOf, withoutOutliers } from "../../../src/analyze/trends/noise.ts";
import { pelt, runningSums, segmentCost } from "../../../src/analyze/trends/pelt.ts";
import { createRandom, randomNormal } from "../../../src/stats/random.ts";

/** Least cost over every set of changes, by dynamic programming without pruning. */
function leastCost(values: readonly number[], penalty: number, shortest: number): number {
  const sums = runningSums(values);
  const best = [-penalty];
  for (let end = 1; end <= values.length; end += 1) {
    best[end] = Infinity;
    for (let start = 0; start <= end - shortest; start += 1) {
      best[end] = Math.min(best[end] ?? Infinity, (best[start] ?? Infinity) + segmentCost(sums, start, end) + penalty);
    }
  }
  return best[values.length] ?? Infinity;
}

function costOf(values: readonly number[], breaks: readonly number[], penalty: number): number {
  const sums = runningSums(values);
  const ends = [...breaks, values.length];
  return ends.reduce((sum, end, i) => sum + segmentCost(sums, ends[i - 1] ?? 0, end), penalty * breaks.length);
}

describe("pelt", () => {
  test("finds clear steps at their place", () => {
    const values = [...Array(10).fill(0), ...Array(10).fill(5), ...Array(10).fill(1)].map(
      (level, i) => level + (i % 2) / 10,
    );
    expect(pelt(runningSums(values), 1, 3)).toEqual([10, 20]);
  });

  test("as good as the best of all segmentations, and no segment too short", () => {
    const values = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 4, maxLength: 40 });
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 4 }), (raw, penalty, shortest) => {
        const breaks = pelt(runningSums(raw), penalty, shortest);
        const ends = [0, ...breaks, raw.length];
        for (const [i, end] of ends.entries())
          if (i > 0) expect(end - (ends[i - 1] ?? 0)).toBeGreaterThanOrEqual(shortest);
        expect(costOf(raw, breaks, penalty)).toBeCloseTo(leastCost(raw, penalty, shortest), 6);
      }),
    );
  });
});

describe("noiseOf", () => {
  const series = (n: number, phi: number, seed: string) => {
    const random = createRandom(seed);
    let value = 0;
    return Array.from({ length: n }, () => (value = phi * value + Math.sqrt(1 - phi ** 2) * randomNormal(random)));
  };

  test.each([0, 0.4, 0.8])("autoregression of %d: variance 1 and its correlation", (phi) => {
    const noise = noiseOf(series(5_000, phi, "ar"));
    expect(noise.correlation).toBeGreaterThan(phi - 0.1);
    expect(noise.correlation).toBeLessThan(phi + 0.1);
    expect(noise.variance).toBeGreaterThan(0.8);
    expect(noise.variance).toBeLessThan(1.4);
  });

  test("a step and outliers hardly count", () => {
    const plain = series(500, 0.3, "step");
    const hit = plain.map((value, i) => value + (i > 250 ? 10 : 0) + (i % 50 === 7 ? 100 : 0));
    expect(noiseOf(hit).variance).toBeLessThan(1.3 * noiseOf(plain).variance);
  });

  test("a constant has none", () => {
    expect(noiseOf([4, 4, 4, 4])).toEqual({ variance: 0, correlation: 0, inflation: 1 });
  });
});

describe("withoutOutliers", () => {
  test("takes spikes out and leaves steps alone", () => {
    const values = [1, 2, 1, 2, 1, 99, 2, 1, 2, 1, 2, 11, 12, 11, 12, 11, 12, 11];
    expect(withoutOutliers(values)).toEqual([1, 2, 1, 2, 1, 2, 2, 1, 2, 1, 2, 11, 12, 11, 12, 11, 12, 11]);
  });
});
