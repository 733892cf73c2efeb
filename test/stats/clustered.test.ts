import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  clusteredMeanInterval,
  clusteredRatio,
  clusteredShareInterval,
  differenceInterval,
  effectiveTrials,
  studentQuantile,
} from "../../src/stats/clustered.ts";
import { proportionDifferenceInterval, wilsonInterval } from "../../src/stats/proportion.ts";

const single = (sums: readonly number[]) => sums.map((sum) => ({ weight: 1, trials: 1, sum }));
const flags = (ones: number, zeros: number) => single([...Array(ones).fill(1), ...Array(zeros).fill(0)]);

describe("clusteredRatio", () => {
  test("clusters of one trial: mean, and the variance of the mean", () => {
    const { ratio, variance } = clusteredRatio(single([1, 2, 3, 6]));
    expect(ratio).toBe(3);
    expect(variance).toBeCloseTo(14 / 3 / 4, 12);
  });

  test("calls that repeat each other within a trace count as one", () => {
    const clusters = [
      ...Array(10).fill({ weight: 1, trials: 5, sum: 5 }),
      ...Array(10).fill({ weight: 1, trials: 5, sum: 0 }),
    ];
    // 19 and not 20: the variance is unbiased.
    expect(effectiveTrials(clusteredRatio(clusters))).toBeCloseTo(19, 9);
  });

  test("independent calls keep their number, nearly", () => {
    const clusters = Array.from({ length: 64 }, (_, i) => ({
      weight: 1,
      trials: 3,
      sum: (i & 1) + ((i >> 1) & 1) + ((i >> 2) & 1),
    }));
    expect(effectiveTrials(clusteredRatio(clusters))).toBeCloseTo(189, 6);
  });

  test("where nothing varies each trace counts once", () => {
    const clusters = Array.from({ length: 8 }, () => ({ weight: 3, trials: 4, sum: 0 }));
    expect(effectiveTrials(clusteredRatio(clusters))).toBeCloseTo(8, 12);
  });

  test("unequal weights tell less", () => {
    const clusters = [{ weight: 9, trials: 1, sum: 0 }, ...Array(9).fill({ weight: 1, trials: 1, sum: 0 })];
    expect(effectiveTrials(clusteredRatio(clusters))).toBeCloseTo(324 / 90, 9);
  });

  test("one weight for all changes nothing", () => {
    const cluster = fc.record({
      trials: fc.integer({ min: 1, max: 9 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.array(cluster, { minLength: 2, maxLength: 20 }),
        fc.integer({ min: 2, max: 50 }),
        (given, weight) => {
          const plain = clusteredRatio(given.map(({ trials, share }) => ({ weight: 1, trials, sum: share * trials })));
          const weighted = clusteredRatio(given.map(({ trials, share }) => ({ weight, trials, sum: share * trials })));
          expect(weighted.ratio).toBeCloseTo(plain.ratio, 9);
          expect(weighted.variance).toBeCloseTo(plain.variance, 9);
          expect(weighted.effectiveClusters).toBeCloseTo(plain.effectiveClusters, 9);
        },
      ),
    );
  });

  test("no trial, no ratio", () => {
    expect(() => clusteredRatio([{ weight: 1, trials: 0, sum: 0 }])).toThrow(/needs a trial/);
  });
});

describe("intervals", () => {
  test("Student's quantiles as in every table", () => {
    expect(studentQuantile(1, 0.95)).toBeCloseTo(12.7062, 4);
    expect(studentQuantile(9, 0.95)).toBeCloseTo(2.26216, 5);
    expect(studentQuantile(30, 0.99)).toBeCloseTo(2.75, 3);
  });

  test("one call per trace: Wilson's interval for shares without spread", () => {
    expect(clusteredShareInterval(clusteredRatio(flags(0, 20)), 0.95)).toEqual(
      wilsonInterval({ successes: 0, trials: 20 }, 0.95),
    );
  });

  test("mean of 1, 2, 3, 6 with t of 3 degrees", () => {
    const { low, high } = clusteredMeanInterval(clusteredRatio(single([1, 2, 3, 6])), 0.95);
    expect(high - 3).toBeCloseTo(3.18245 * Math.sqrt(14 / 12), 4);
    expect(3 - low).toBeCloseTo(high - 3, 12);
  });

  test("the difference of two Wilson intervals is Newcombe's", () => {
    const [b, a] = [
      { successes: 5, trials: 56 },
      { successes: 14, trials: 60 },
    ];
    const estimate = (of: typeof a) => ({ value: of.successes / of.trials, interval: wilsonInterval(of, 0.95) });
    const expected = proportionDifferenceInterval(b, a, 0.95);
    const found = differenceInterval(estimate(b), estimate(a));
    expect(found.low).toBeCloseTo(expected.low, 12);
    expect(found.high).toBeCloseTo(expected.high, 12);
  });
});
