import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { classifyMetric } from "../../../src/canary/kayenta/classify.ts";
import { cleanSeries } from "../../../src/canary/kayenta/clean.ts";
import { readKayentaInput } from "../../../src/canary/kayenta/input.ts";
import { judgeKayenta } from "../../../src/canary/kayenta/judge.ts";
import { createRandom } from "../../../src/stats/random.ts";
import { lognormal, metric } from "./metric.ts";

const classify = (change: object) => classifyMetric(metric(change), createRandom("noise"));
const times = (n: number, value: number): number[] => Array.from({ length: n }, () => value);

const ten = lognormal("ten", 30, { median: 10, sd: 0.2 });
const twenty = lognormal("twenty", 30, { median: 20, sd: 0.2 });

describe("cleanSeries", () => {
  const settings = { nanStrategy: "remove", outlierStrategy: "keep", outlierFactor: 3 };

  test("drops NaN, also for unknown words, or replaces it by 0", () => {
    expect(cleanSeries([1, null, 3], settings)).toEqual([1, 3]);
    expect(cleanSeries([1, null, 3], { ...settings, nanStrategy: "none" })).toEqual([1, 3]);
    expect(cleanSeries([1, null, Number.NaN], { ...settings, nanStrategy: "replace" })).toEqual([1, 0, 0]);
  });

  test("outliers go only beyond both fences", () => {
    const remove = { ...settings, outlierStrategy: "remove" };
    const steady = Array.from({ length: 99 }, (_, i) => i % 10);
    expect(cleanSeries([...steady, 1000], remove)).toEqual(steady);
    expect(cleanSeries([...steady, 1000], settings)).toHaveLength(100);
    // Among few values the outlier stretches the quartiles so far that it stays.
    expect(cleanSeries([1, 2, 3, 1000], remove)).toEqual([1, 2, 3, 1000]);
    expect(cleanSeries([-1000, ...steady], remove)).toEqual(steady);
    expect(cleanSeries([1, 2, 3, 30], { ...remove, outlierFactor: 50 })).toEqual([1, 2, 3, 30]);
    expect(cleanSeries([], remove)).toEqual([]);
    expect(cleanSeries([7], remove)).toEqual([7]);
  });
});

describe("classifyMetric", () => {
  test("twice as much is High, half is Low, the same distribution passes", () => {
    expect(classify({ experiment: twenty, control: ten })).toEqual({ classification: "High", critical: false });
    expect(classify({ experiment: ten, control: twenty })).toEqual({ classification: "Low", critical: false });
    const other = lognormal("other", 30, { median: 10, sd: 0.2 });
    expect(classify({ experiment: other, control: ten }).classification).toBe("Pass");
  });

  test("the other direction passes", () => {
    expect(classify({ experiment: twenty, control: ten, direction: "decrease" }).classification).toBe("Pass");
    expect(classify({ experiment: ten, control: twenty, direction: "increase" }).classification).toBe("Pass");
    expect(classify({ experiment: twenty, control: ten, direction: "increase" }).classification).toBe("High");
    expect(classify({ experiment: ten, control: twenty, direction: "decrease" }).classification).toBe("Low");
  });

  test("effect sizes hold back what is too small, by ratio of means and by share of pairs", () => {
    const high = (effectSize: object) => classify({ experiment: twenty, control: ten, effectSize }).classification;
    expect(high({ allowedIncrease: 1.5 })).toBe("High");
    expect(high({ allowedIncrease: 5 })).toBe("Pass");
    expect(high({ measure: "cles", allowedIncrease: 0.9 })).toBe("High");
    expect(high({ measure: "cles", allowedIncrease: 1.01 })).toBe("Pass");
    const low = (effectSize: object) => classify({ experiment: ten, control: twenty, effectSize }).classification;
    expect(low({ allowedDecrease: 0.8 })).toBe("Low");
    expect(low({ allowedDecrease: 0.2 })).toBe("Pass");
    expect(low({ measure: "cles" })).toBe("Low");
  });

  test("a ratio with a mean of 0 counts as large enough", () => {
    const zero = times(30, 0);
    const effectSize = { allowedIncrease: 100, criticalIncrease: 100 };
    const found = classify({ experiment: ten, control: zero, effectSize, critical: true });
    expect(found).toEqual({ classification: "High", critical: true });
  });

  test("a critical metric is critical from its own threshold on", () => {
    const high = (effectSize: object) => classify({ experiment: twenty, control: ten, critical: true, effectSize });
    expect(high({})).toEqual({ classification: "High", critical: true });
    expect(high({ criticalIncrease: 5 })).toEqual({ classification: "High", critical: false });
    const low = (effectSize: object) => classify({ experiment: ten, control: twenty, critical: true, effectSize });
    expect(low({})).toEqual({ classification: "Low", critical: true });
    expect(low({ criticalDecrease: 0.1 })).toEqual({ classification: "Low", critical: false });
  });

  test.each([
    [{}, "Nodata", false],
    [{ critical: true }, "Nodata", true],
    [{ mustHaveData: true }, "NodataFailMetric", false],
    [{ mustHaveData: true, critical: true }, "Nodata", true],
    [{ nanStrategy: "replace", mustHaveData: true, critical: true }, "Pass", false],
  ])("an empty arm with %p: %s, critical %p", (settings, classification, critical) => {
    expect(classify({ ...settings, experiment: [], control: ten })).toEqual({ classification, critical });
    expect(classify({ ...settings, experiment: ten, control: [] })).toEqual({ classification, critical });
  });

  test("only NaN is an empty arm when it is dropped, and zeros when it is replaced", () => {
    expect(classify({ experiment: [null, null], control: ten }).classification).toBe("Nodata");
    const replaced = classify({ experiment: times(30, 0).map(() => null), control: ten, nanStrategy: "replace" });
    expect(replaced.classification).toBe("Low");
  });

  test("identical arms in another order, and one distinct value, pass without a test", () => {
    expect(classify({ experiment: [...ten].reverse(), control: ten }).classification).toBe("Pass");
    expect(classify({ experiment: [4], control: [4, 4, 4] }).classification).toBe("Pass");
  });

  test("both arms constant: noise breaks the ties, repeatably", () => {
    expect(classify({ experiment: times(10, 2), control: times(10, 1) }).classification).toBe("High");
    expect(classify({ experiment: times(10, 5), control: times(10, 0) }).classification).toBe("High");
    const change = { experiment: times(3, 1), control: times(3, 2) };
    expect(classify(change)).toEqual(classify(change));
  });

  test("published cases: sparse errors pass until ten points hold eight bad ones", () => {
    const control = times(10, 1);
    expect(classify({ control, experiment: [...times(7, 100), ...times(3, 1)] }).classification).toBe("Pass");
    expect(classify({ control, experiment: [...times(8, 100), ...times(2, 1)] }).classification).toBe("High");
    expect(classify({ control: times(6, 0), experiment: [0, 1, 2, 1, 0, 0] }).classification).toBe("Pass");
  });

  test("one value per arm is mostly untestable", () => {
    let errors = 0;
    for (let run = 0; run < 100; run++) {
      const [experiment, control] = ["x", "y"].map((arm) => lognormal(`${arm}${run}`, 1, { median: 100, sd: 0.5 }));
      if (classify({ experiment, control, critical: true }).classification === "Error") errors += 1;
    }
    expect(errors).toBeGreaterThan(75);
  });

  test("false positives as published: 11–12 % per direction at 2 values, at most 0.25 % from 5 on", () => {
    const high = (n: number, runs: number): number => {
      let found = 0;
      for (let run = 0; run < runs; run++) {
        const [experiment, control] = ["x", "y"].map((arm) =>
          lognormal(`${arm}${n}-${run}`, n, { median: 100, sd: 0.5 }),
        );
        if (classify({ experiment, control, direction: "increase" }).classification === "High") found += 1;
      }
      return found / runs;
    };
    expect(Math.abs(high(2, 800) - 0.115)).toBeLessThan(0.035);
    expect(high(5, 400)).toBeLessThan(0.01);
  });

  test("the unit can turn the verdict: seconds against milliseconds, 20 % slower", () => {
    let differing = 0;
    for (let run = 0; run < 100; run++) {
      const experiment = lognormal(`slow${run}`, 60, { median: 1.2, sd: 0.4 });
      const control = lognormal(`base${run}`, 60, { median: 1, sd: 0.4 });
      const seconds = { experiment: experiment.map((v) => v / 1000), control: control.map((v) => v / 1000) };
      const turns = classify({ experiment, control }).classification !== classify(seconds).classification;
      if (turns) differing += 1;
      const input = { thresholds: { pass: 95, marginal: 75 }, metrics: [{ name: "m", ...seconds }] };
      const { warnings } = judgeKayenta(readKayentaInput(input), createRandom("unit"));
      // Warned exactly where the next finer unit turns it, or one beyond.
      if (turns)
        expect(warnings).toContainEqual(expect.stringMatching(/^m: is \w+ in this unit and \w+ in one 1,000 /));
    }
    expect(differing).toBeGreaterThan(0);
    expect(differing).toBeLessThan(30);
  });

  test("never throws, and exchanging arms and direction exchanges High and Low", () => {
    const series = fc.array(fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 50 })), { maxLength: 12 });
    fc.assert(
      fc.property(series, series, (experiment, control) => {
        const { classification } = classify({ experiment, control });
        const turned = classify({ experiment: control, control: experiment }).classification;
        const constant = (arm: (number | null)[]): boolean => new Set(arm.filter((v) => v !== null)).size === 1;
        // With noise, or where the root finder stops within its tolerance, a borderline case may differ.
        if (constant(experiment) && constant(control)) return;
        if (classification === "Nodata" || classification === "Error") expect(turned).toBe(classification);
        if (classification === "High") expect(turned).not.toBe("High");
        if (classification === "Low") expect(turned).not.toBe("Low");
      }),
    );
  });
});
