import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readKayentaInput } from "../../../src/canary/kayenta/input.ts";
import { judgeKayenta, type KayentaReport } from "../../../src/canary/kayenta/judge.ts";
import { createRandom } from "../../../src/stats/random.ts";
import { lognormal } from "./metric.ts";

const ten = lognormal("ten", 30, { median: 10, sd: 0.2 });
const twenty = lognormal("twenty", 30, { median: 20, sd: 0.2 });
const pass = { control: ten, experiment: ten };
const high = { control: ten, experiment: twenty };
const nodata = { control: ten, experiment: [] };
// Within a factor of two the difference is exact, so the shifted value meets the other one exactly.
const error = { control: [10], experiment: [11] };

const judge = (metrics: readonly object[], rest: object = {}): KayentaReport => {
  const named = metrics.map((metric, i) => ({ name: `m${i}`, groups: ["g"], ...metric }));
  const input = readKayentaInput({ thresholds: { pass: 95, marginal: 75 }, metrics: named, ...rest });
  return judgeKayenta(input, createRandom("kayenta"));
};
const group = (name: string, metric: object) => ({ ...metric, groups: [name] });

describe("score", () => {
  test("share of passing metrics, classified by the thresholds", () => {
    expect(judge([pass, pass, pass, high])).toMatchObject({ score: 75, classification: "Marginal" });
    expect(judge([pass, pass])).toMatchObject({ score: 100, classification: "Pass" });
    expect(judge([pass, high])).toMatchObject({ score: 50, classification: "Fail" });
    expect(judge([pass, pass, high]).score).toBe(66.67);
    expect(judge([pass, pass, high]).groups).toEqual([{ name: "g", score: (2 / 3) * 100 }]);
  });

  test("the report names every metric as INTERFACES has it", () => {
    const { metrics } = judge([pass, { ...high, critical: true }]);
    expect(metrics).toEqual([
      { name: "m0", classification: "Pass", critical: false },
      { name: "m1", classification: "High", critical: true },
    ]);
  });

  test("one critical failure makes the score 0", () => {
    expect(judge([pass, pass, pass, { ...high, critical: true }])).toMatchObject({ score: 0, classification: "Fail" });
    expect(judge([pass, pass, pass, { ...nodata, critical: true }]).score).toBe(0);
    expect(judge([{ ...pass, critical: true }]).score).toBe(100);
  });

  test("half of the metrics without data make the score 0; fewer are not counted", () => {
    expect(judge([pass, nodata]).score).toBe(0);
    expect(judge([pass, pass, nodata]).score).toBe(100);
    expect(judge([pass, pass, { ...nodata, mustHaveData: true }]).score).toBe(66.67);
  });

  test("no metric at all scores 0", () => {
    expect(judge([])).toMatchObject({ score: 0, classification: "Fail", metrics: [], groups: [] });
  });

  test("muted metrics are left out altogether", () => {
    const { score, metrics } = judge([pass, { ...high, critical: true, muted: true }]);
    expect([score, metrics.length]).toEqual([100, 1]);
  });

  test("weights: configured ones hold, the rest is shared", () => {
    const three = [group("a", pass), group("b", high), group("c", pass)];
    expect(judge(three, { groupWeights: { a: 50 } }).score).toBe(75);
    expect(judge(three, { groupWeights: { a: 20, b: 70, c: 10 } }).score).toBe(30);
    expect(judge(three).score).toBe(66.67);
  });

  test("a metric in several groups counts in each", () => {
    const { groups } = judge([{ ...high, groups: ["a", "b"] }, group("b", pass)]);
    expect(groups).toEqual([
      { name: "a", score: 0 },
      { name: "b", score: 50 },
    ]);
  });

  test("a group in which nothing was judged shows 0 and enters as 100: the canary passes", () => {
    const { score, classification, groups, warnings } = judge([group("a", error), group("b", pass)]);
    expect({ score, classification }).toEqual({ score: 100, classification: "Pass" });
    expect(groups[0]).toEqual({ name: "a", score: 0 });
    expect(warnings.join("\n")).toContain("group a: nothing in it was judged");
  });

  test("scores lie between 0 and 100 while weights add up to at most 100, and more passes never lower them", () => {
    const kind = fc.constantFrom(pass, high, nodata, error, { ...nodata, mustHaveData: true });
    const drafts = fc.array(fc.tuple(kind, fc.subarray(["a", "b", "c"], { minLength: 1 })), { maxLength: 6 });
    const weights = fc.constantFrom({}, { a: 30 }, { a: 30, b: 70 });
    fc.assert(
      fc.property(drafts, weights, (metrics, groupWeights) => {
        const build = (all: typeof metrics) => all.map(([metric, groups]) => ({ ...metric, groups }));
        const { score } = judge(build(metrics), { groupWeights });
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(100);
        const better = metrics.map(
          ([metric, groups]) => [metric === high ? pass : metric, groups] as (typeof metrics)[0],
        );
        expect(judge(build(better), { groupWeights }).score).toBeGreaterThanOrEqual(score);
      }),
      { numRuns: 60 },
    );
  });
});

describe("warnings name the known weaknesses, and nothing else", () => {
  test("none on healthy input", () => {
    expect(judge([pass, high]).warnings).toEqual([]);
  });

  test.each([
    ["few values", [{ control: [10, 20, 30], experiment: [15, 25, 35] }, pass], {}, /^m0: only 3 values/],
    ["all tied", [error, pass], {}, /^m0: could not be tested/],
    [
      "small numbers",
      [{ control: ten.map((v) => v / 1e5), experiment: twenty.map((v) => v / 1e5) }],
      {},
      /tolerance of 0.0001/,
    ],
    ["sparse errors", [{ control: [0, 0, 0, 0, 0, 100], experiment: [0, 0, 0, 0, 100, 100] }], {}, /more than half/],
    ["replaced NaN", [{ ...nodata, nanStrategy: "replace" }], {}, /passes because NaN is replaced/],
    ["ignored Nodata", [nodata, pass, pass], {}, /lets the canary pass unless half/],
    ["lost weight", [pass], { groupWeights: { h: 40 } }, /group h: has a weight but no metric/],
    ["too much weight", [pass], { groupWeights: { h: 140 } }, /add up to more than 100/],
  ])("%s", (...[, metrics, rest, expected]) => {
    expect(judge(metrics, rest).warnings).toContainEqual(expect.stringMatching(expected));
  });

  test("an arm without values that fails the canary is no fail-open", () => {
    expect(judge([{ ...nodata, critical: true }, pass]).warnings).toEqual(["m0: an arm has no value at all."]);
  });
});

describe("readKayentaInput", () => {
  const good = {
    thresholds: { pass: 95, marginal: 75 },
    metrics: [{ name: "m", control: [1, null], experiment: [2] }],
  };

  test("fills in Kayenta's defaults", () => {
    expect(readKayentaInput(good).metrics[0]).toEqual({
      name: "m",
      groups: [],
      direction: "either",
      critical: false,
      mustHaveData: false,
      muted: false,
      nanStrategy: "remove",
      outlierStrategy: "keep",
      outlierFactor: 3,
      effectSize: { measure: "meanRatio" },
      control: [1, null],
      experiment: [2],
    });
  });

  test.each([
    [undefined, "the document"],
    [{ ...good, thresholds: { pass: 95 } }, "thresholds.marginal"],
    [{ ...good, metrics: [{ name: "m", control: ["1"], experiment: [] }] }, "metrics.0.control.0"],
    [{ ...good, metrics: [{ name: "m", control: [] }] }, "metrics.0.experiment"],
    [{ ...good, metrics: [{ ...good.metrics[0], direction: "up" }] }, "metrics.0.direction"],
    [{ ...good, metrics: [{ ...good.metrics[0], citical: true }] }, "citical"],
    [{ ...good, groupWeights: { a: "50" } }, "groupWeights.a"],
  ])("names the wrong place: %#", (json, place) => {
    expect(() => readKayentaInput(json)).toThrow(
      expect.objectContaining({ code: "input_unreadable", message: expect.stringContaining(place) }),
    );
  });
});
