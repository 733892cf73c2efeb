import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { minimise } from "../../src/stats/minimise.ts";
import { holmAdjusted, type Tested } from "../../src/stats/multiple.ts";
import { normalCdf, normalQuantile } from "../../src/stats/normal.ts";
import { jeffreysInterval, proportionDifferenceInterval, wilsonInterval } from "../../src/stats/proportion.ts";
import { binomialCdf, quantile, quantileInterval, sortedAscending } from "../../src/stats/quantile.ts";
import { rankTrend, type TimedValue } from "../../src/stats/rank-trend.ts";
import { clusteredRatio, differenceInterval, studentQuantile } from "../../src/stats/clustered.ts";

/** Uniform: doubles as they come are mostly next to 0. */
const share = fc.integer({ min: 0, max: 1_000 }).map((thousandths) => thousandths / 1_000);

/** ln n! by adding, for probabilities from their definition. */
const lnFactorials = [0];
for (let n = 1; n <= 400; n += 1) lnFactorials.push((lnFactorials[n - 1] ?? 0) + Math.log(n));
const lnFactorial = (n: number): number => lnFactorials[n] ?? Number.NaN;

function binomial(k: number, n: number, p: number): number {
  if (p === 0 || p === 1) return Number(k === p * n);
  const ways = lnFactorial(n) - lnFactorial(k) - lnFactorial(n - k);
  return Math.exp(ways + k * Math.log(p) + (n - k) * Math.log1p(-p));
}

describe("Holm's p-values with tests that cannot decide left out", () => {
  /** Every set of those that take part is tested by Bonferroni; a test counts when all sets that hold it do. */
  function closed(tests: readonly Tested[], alpha: number): number[] {
    const able = (k: number): number => tests.filter(({ least }) => least <= alpha / k).length;
    const k = tests.map((_, i) => i + 1).find((count) => able(count) <= count) ?? 1;
    const takes = tests.map(({ least }) => least <= alpha / k);
    const sets = Array.from({ length: 2 ** tests.length }, (_, mask) =>
      tests.flatMap(({ p }, i) => ((mask >> i) % 2 === 1 && takes[i] === true ? [{ i, p }] : [])),
    );
    return tests.map((_, i) => {
      if (takes[i] !== true) return 1;
      const holding = sets.filter((set) => set.some((one) => one.i === i));
      return Math.min(1, Math.max(...holding.map((set) => set.length * Math.min(...set.map(({ p }) => p)))));
    });
  }

  test("are those of the closed test over all subsets", () => {
    const tested = fc.tuple(share, share).map(([a, b]) => ({ p: Math.max(a, b) ** 6, least: Math.min(a, b) ** 6 }));
    fc.assert(
      fc.property(fc.array(tested, { maxLength: 7 }), fc.constantFrom(0.01, 0.05, 0.3), (tests, alpha) => {
        const [found, wanted] = [holmAdjusted(tests, alpha), closed(tests, alpha)];
        expect(found.map((p) => p.toPrecision(9))).toEqual(wanted.map((p) => p.toPrecision(9)));
      }),
      { numRuns: 300 },
    );
  });
});

describe("intervals of shares over every sample there can be", () => {
  const rates = [0.001, 0.02, 0.1, 0.3, 0.5, 0.77, 0.98];

  test.each([
    { what: "Wilson", of: wilsonInterval, worst: 0.83 },
    { what: "Jeffreys", of: jeffreysInterval, worst: 0.84 },
  ])("$what holds the rate about as often as it says", ({ of, worst }) => {
    const covers: number[] = [];
    for (const n of [10, 30, 100, 300]) {
      const intervals = Array.from({ length: n + 1 }, (_, k) => of({ successes: k, trials: n }, 0.95));
      for (const p of rates) {
        covers.push(
          intervals.reduce((sum, { low, high }, k) => sum + (low <= p && p <= high ? binomial(k, n, p) : 0), 0),
        );
      }
    }
    expect(Math.min(...covers)).toBeGreaterThan(worst);
    expect(covers.reduce((sum, one) => sum + one, 0) / covers.length).toBeGreaterThan(0.94);
    expect(covers.reduce((sum, one) => sum + one, 0) / covers.length).toBeLessThan(0.98);
  });

  test("Wilson's ends are the rates at which the score test is at its limit", () => {
    const counts = fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 60 })).filter(([k, n]) => k <= n);
    fc.assert(
      fc.property(counts, fc.constantFrom(0.8, 0.95, 0.999), ([successes, trials], level) => {
        const { low, high } = wilsonInterval({ successes, trials }, level);
        const limit = normalQuantile((1 + level) / 2);
        const score = (p: number): number => (successes / trials - p) / Math.sqrt((p * (1 - p)) / trials);
        if (successes > 0) expect(score(low)).toBeCloseTo(limit, 6);
        if (successes < trials) expect(score(high)).toBeCloseTo(-limit, 6);
      }),
    );
  });

  test("Newcombe's difference holds the true one about as often as it says", () => {
    const n = 40;
    const all = Array.from({ length: n + 1 }, (_, k) => k);
    for (const [p, q] of [
      [0.05, 0.05],
      [0.1, 0.3],
      [0.5, 0.6],
      [0.02, 0.9],
    ] as const) {
      let covered = 0;
      for (const a of all) {
        for (const b of all) {
          const { low, high } = proportionDifferenceInterval(
            { successes: a, trials: n },
            { successes: b, trials: n },
            0.9,
          );
          if (low <= q - p && q - p <= high) covered += binomial(a, n, p) * binomial(b, n, q);
        }
      }
      expect(covered).toBeGreaterThan(0.86);
      expect(covered).toBeLessThan(0.98);
    }
  });
});

describe("functions against sums and inverses", () => {
  test("binomialCdf adds the probabilities up, at the ends too", () => {
    const n = fc.integer({ min: 1, max: 400 });
    fc.assert(
      fc.property(n, fc.integer({ min: -1, max: 401 }), fc.oneof(share, fc.constantFrom(0, 1)), (trials, k, p) => {
        let sum = 0;
        for (let i = 0; i <= Math.min(k, trials); i += 1) sum += binomial(i, trials, p);
        expect(Math.abs(binomialCdf(k, trials, p) - sum)).toBeLessThan(1e-9);
      }),
    );
  });

  test("normalQuantile turns normalCdf round from one tail to the other", () => {
    for (let z = -36; z <= 8; z += 0.37) expect(normalQuantile(normalCdf(z))).toBeCloseTo(z, z > 5 ? 1 : 8);
    expect([normalCdf(-Infinity), normalCdf(Infinity), normalCdf(-0)]).toEqual([0, 1, 0.5]);
  });

  test("Student's quantile grows from Cauchy's to the normal one", () => {
    for (const level of [0.5, 0.9, 0.99]) {
      expect(studentQuantile(1, level)).toBeCloseTo(Math.tan((Math.PI * level) / 2), 6);
      expect(studentQuantile(2, level)).toBeCloseTo(level * Math.sqrt(2 / (1 - level ** 2)), 8);
      expect(studentQuantile(1e7, level)).toBeCloseTo(normalQuantile((1 + level) / 2), 5);
    }
  });

  test("a quantile's interval is made of the values that stand far enough on both sides", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 200 }),
        fc.constantFrom(0.1, 0.5, 0.95),
        fc.constantFrom(0.8, 0.95),
        (n, p, level) => {
          const ranks = Array.from({ length: n }, (_, i) => i);
          const found = quantileInterval(ranks, p, level);
          let reach = 0;
          // P(low ≤ quantile < high) = Σ P(exactly k values below it), low < k ≤ high as ranks from 0.
          for (let k = (found?.low ?? 0) + 1; k <= (found?.high ?? n); k += 1) reach += binomial(k, n, p);
          if (found !== null) expect(reach).toBeGreaterThanOrEqual(level - 1e-9);
          else expect(Math.max(binomial(0, n, p), binomial(n, n, p))).toBeGreaterThan((1 - level) / 2 - 1e-9);
        },
      ),
    );
  });

  test("the line by ranks is the median of all slopes, its p-value that of the ranks alone", () => {
    const values = fc.uniqueArray(fc.integer({ min: -1_000, max: 1_000 }), { minLength: 3, maxLength: 25 });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 9 }), (given, gap) => {
        const timed = given.map((value, i): TimedValue => ({ at: gap * (i + i ** 2), value }));
        const slopes = timed.flatMap((a, i) => timed.slice(i + 1).map((b) => (b.value - a.value) / (b.at - a.at)));
        const trend = rankTrend(timed, 1, 0.95);
        expect(trend.slope).toBeCloseTo(quantile(sortedAscending(slopes), 0.5), 9);
        const cubed = timed.map(({ at, value }) => ({ at: at ** 3, value: value ** 3 }));
        expect(rankTrend(cubed, 1, 0.95).p).toBeCloseTo(trend.p, 12);
        const backwards = given.toReversed().map((value, i): TimedValue => ({ at: i, value }));
        expect(rankTrend(backwards, 1, 0.95).p).toBeCloseTo(trend.p, 12);
      }),
    );
  });

  test("a ratio over clusters: weights count as copies, a common weight and the unit only scale", () => {
    const cluster = fc.record({
      weight: fc.integer({ min: 1, max: 5 }),
      trials: fc.integer({ min: 1, max: 6 }),
      sum: fc.integer({ min: 0, max: 6 }),
    });
    fc.assert(
      fc.property(fc.array(cluster, { minLength: 2, maxLength: 10 }), (clusters) => {
        const { ratio, variance } = clusteredRatio(clusters);
        const copies = clusters.flatMap((one) => Array.from({ length: one.weight }, () => ({ ...one, weight: 1 })));
        expect(clusteredRatio(copies).ratio).toBeCloseTo(ratio, 12);
        const scaled = clusteredRatio(
          clusters.map(({ weight, trials, sum }) => ({ weight: 3 * weight, trials, sum: 7 * sum })),
        );
        expect(scaled.ratio).toBeCloseTo(7 * ratio, 9);
        expect(scaled.variance).toBeCloseTo(49 * variance, 6);
      }),
    );
  });

  test("the difference of two estimates turns round with them and widens with either", () => {
    const estimate = fc.tuple(fc.double({ min: -50, max: 50, noNaN: true }), share, share).map(([value, down, up]) => ({
      value,
      interval: { low: value - down, high: value + up, level: 0.9 },
    }));
    fc.assert(
      fc.property(estimate, estimate, (a, b) => {
        const [there, back] = [differenceInterval(a, b), differenceInterval(b, a)];
        expect(back.low).toBeCloseTo(-there.high, 9);
        expect(back.high).toBeCloseTo(-there.low, 9);
        const point = { value: a.value, interval: { low: a.value, high: a.value, level: 0.9 } };
        expect(there.high - there.low).toBeGreaterThanOrEqual(b.interval.high - b.interval.low - 1e-9);
        expect(differenceInterval(point, b).low).toBeCloseTo(b.interval.low - a.value, 9);
      }),
    );
  });

  test("minimise finds the bottom of bowls, of a curved valley, and never ends above its start", () => {
    const rosenbrock = ([x = 0, y = 0]: readonly number[]): number => (1 - x) ** 2 + 100 * (y - x * x) ** 2;
    const valley = minimise(rosenbrock, { start: [-1.2, 1], step: 0.5, evaluations: 2_000 });
    expect(valley.at.map((x) => x.toFixed(2))).toEqual(["1.00", "1.00"]);
    const numbers = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(numbers, (bottom) => {
        const bowl = (at: readonly number[]): number =>
          at.reduce((sum, x, i) => sum + (i + 1) * (x - (bottom[i] ?? 0)) ** 2, 0);
        const found = minimise(bowl, { start: bottom.map(() => 1), step: 1, evaluations: 3_000 });
        for (const [i, x] of found.at.entries()) expect(x).toBeCloseTo(bottom[i] ?? 0, 1);
        const nowhere = minimise((at) => (at[0] === 1 ? 0 : Infinity), { start: bottom.map(() => 1), step: 1 });
        expect(nowhere.value).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});
