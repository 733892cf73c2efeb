import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { geometricMean, quantileChange, type OperationCalls } from "../../../src/analyze/regressions/latency.ts";
import { errorRate } from "../../../src/analyze/regressions/measured.ts";
import type { CallsInTrace, TraceUnit } from "../../../src/analyze/regressions/profile.ts";
import { quantile, quantileInterval, sortedAscending } from "../../../src/stats/quantile.ts";
import { createRandom, randomNormal, type Random } from "../../../src/stats/random.ts";

type Given = {
  readonly weight?: number;
  readonly stratum?: string;
  readonly ms: readonly number[];
  readonly errors?: number;
};

const callsOf = (...traces: readonly Given[]): OperationCalls =>
  new Map(
    traces.map(({ weight = 1, stratum = "root", ms, errors = 0 }): [TraceUnit, CallsInTrace] => [
      { weight, stratum },
      { durationsMs: [...ms], errors },
    ]),
  );
const single = (ms: readonly number[]): OperationCalls => callsOf(...ms.map((one) => ({ ms: [one] })));

const lognormal = (count: number, random: Random, centre = 10): number[] =>
  Array.from({ length: count }, () => centre * Math.exp(0.6 * randomNormal(random)));

describe("quantileChange", () => {
  test("the quantiles are those of the plain values, with one call per trace", () => {
    const values = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(values, values, fc.constantFrom(0.5 as const, 0.95 as const), (a, b, p) => {
        const found = quantileChange({ before: single(a), after: single(b) }, p, 0.95);
        const [before, after] = [quantile(sortedAscending(a), p), quantile(sortedAscending(b), p)];
        expect(found?.before).toBeCloseTo(before, 6);
        expect(found?.after).toBeCloseTo(after, 6);
        expect(found?.change).toBeCloseTo(after / before - 1, 6);
      }),
    );
  });

  test("the interval of each median is about that of the order statistics", () => {
    const random = createRandom("median");
    const values = lognormal(101, random);
    const exact = quantileInterval(sortedAscending(values), 0.5, 0.95);
    // Against a set that hardly varies, the interval of the ratio is that of the one median.
    const still = single(Array.from({ length: 101 }, (_, i) => 10 + i * 1e-9));
    const found = quantileChange({ before: still, after: single(values) }, 0.5, 0.95);
    expect(10 * (1 + (found?.interval?.low ?? 0))).toBeCloseTo(exact?.low ?? 0, 0);
    expect(10 * (1 + (found?.interval?.high ?? 0))).toBeCloseTo(exact?.high ?? 0, 0);
  });

  test("too few calls for the 95th percentile lower the level of the interval", () => {
    const random = createRandom("few");
    const sides = (count: number) => ({
      before: single(lognormal(count, random)),
      after: single(lognormal(count, random)),
    });
    expect(quantileChange(sides(30), 0.95, 0.95)?.interval?.level).toBeLessThan(0.8);
    expect(quantileChange(sides(90), 0.95, 0.95)?.interval?.level).toBeCloseTo(0.95, 9);
    expect(quantileChange(sides(30), 0.5, 0.95)?.interval?.level).toBeCloseTo(0.95, 9);
  });

  test("a trace that stands for nine counts nine times", () => {
    const weighted = callsOf({ ms: [100], weight: 9 }, { ms: [10] }, { ms: [20] });
    const found = quantileChange({ before: weighted, after: weighted }, 0.5, 0.95);
    expect(found?.before).toBeGreaterThan(50);
  });

  test("calls of one trace that are alike widen the interval", () => {
    const random = createRandom("alike");
    const values = lognormal(40, random);
    const once = single(values);
    const fiveTimes = callsOf(...values.map((ms) => ({ ms: Array<number>(5).fill(ms) })));
    const width = (calls: OperationCalls): number => {
      const interval = quantileChange({ before: calls, after: calls }, 0.5, 0.95)?.interval;
      return (interval?.high ?? 0) - (interval?.low ?? 0);
    };
    expect(width(fiveTimes)).toBeGreaterThan(0.85 * width(once));
  });

  test("nothing in common, nothing compared", () => {
    const other = callsOf({ ms: [1], stratum: "other" });
    expect(quantileChange({ before: single([1]), after: other }, 0.5, 0.95)).toBeNull();
    expect(geometricMean({ before: single([1]), after: other }, 0.95)).toBeNull();
    expect(errorRate({ before: single([1]), after: other }, 0.95)).toBeNull();
  });
});

describe("intervals of a change hold it about as often as they claim", () => {
  const RUNS = 200;

  /** Share of runs in which the interval of a change of 1.5 holds it; three calls per trace that share half their spread. */
  function coverage(metric: "p50" | "p95" | "mean"): number {
    const random = createRandom(`coverage ${metric}`);
    const set = (centre: number): OperationCalls =>
      callsOf(
        ...Array.from({ length: 80 }, () => {
          const shared = 0.4 * randomNormal(random);
          return { ms: lognormal(3, random, centre).map((ms) => ms * Math.exp(shared)) };
        }),
      );
    let held = 0;
    for (let run = 0; run < RUNS; run += 1) {
      const sides = { before: set(10), after: set(15) };
      const found =
        metric === "mean" ? geometricMean(sides, 0.95) : quantileChange(sides, metric === "p50" ? 0.5 : 0.95, 0.95);
      const { low = 1, high = 0 } = found?.interval ?? {};
      if (low <= 0.5 && high >= 0.5) held += 1;
    }
    return held / RUNS;
  }

  // Three standard errors of 200 runs are 4.6 points.
  test.each(["p50", "p95", "mean"] as const)("%s at 95 %%", (metric) => {
    expect(coverage(metric)).toBeGreaterThan(0.904);
  });
});

describe("geometricMean and errorRate", () => {
  test("by hand", () => {
    const found = geometricMean({ before: single([1, 100]), after: single([40, 40]) }, 0.95);
    expect(found?.before).toBeCloseTo(10, 9);
    expect(found?.after).toBeCloseTo(40, 9);
    expect(found?.change).toBeCloseTo(3, 9);
  });

  test("no time at all counts as the clock's resolution", () => {
    const found = geometricMean({ before: single([0, 0]), after: single([0, 0]) }, 0.95);
    expect(found?.before).toBeCloseTo(0.001, 12);
    expect(found?.change).toBeCloseTo(0, 12);
  });

  test("errors are counted per call and tested per trace", () => {
    const calm = callsOf(...Array.from({ length: 10 }, () => ({ ms: [1, 1, 1, 1] })));
    const one = callsOf({ ms: [1, 1, 1, 1], errors: 4 }, ...Array.from({ length: 9 }, () => ({ ms: [1, 1, 1, 1] })));
    const found = errorRate({ before: calm, after: one }, 0.95);
    expect(found).toMatchObject({ before: 0, after: 0.1, change: 0.1 });
    expect(found?.test.p).toBeCloseTo(0.5, 9);
  });
});
