import { expect, test } from "@jest/globals";
import type { MetricPoint, PointValue } from "../../src/model/metric.ts";
import type { MetricAggregation, MetricQuery, MetricStore } from "../../src/store/metric-port.ts";
import { counter, counts, gauge, histogram, MINUTE, pointAt, T0 } from "./points.ts";

type Filled = (...batches: (readonly MetricPoint[])[]) => Promise<MetricStore>;

/** A query over `minutes` after T0 in steps of a minute. */
const over = (minutes: number, kind: "rate" | "sum" | "avg" | "min" | "max" | number): MetricQuery => ({
  name: "m",
  sinceNs: T0,
  untilNs: T0 + BigInt(minutes) * MINUTE,
  stepNs: MINUTE,
  aggregation: typeof kind === "number" ? { kind: "quantile", quantile: kind } : { kind },
});

const values = async (store: MetricStore, query: MetricQuery) => (await store.query(query)).groups[0]?.values;

/** What every store answers: the values are worked out by hand. */
export function metricQueryContract(filled: Filled): void {
  test("gauges: sum adds the last value of each series, the others take all points", async () => {
    const [one, other] = [gauge({ attributes: { i: 1 } }), gauge({ attributes: { i: 2 } })];
    const store = await filled([
      pointAt(one, 0.1, 1),
      pointAt(one, 0.2, 5),
      pointAt(other, 0.3, 10),
      pointAt(one, 2.5, 7),
    ]);
    expect(await values(store, over(3, "sum"))).toEqual([15, null, 7]);
    expect(await values(store, over(3, "avg"))).toEqual([16 / 3, null, 7]);
    expect(await values(store, over(3, "min"))).toEqual([1, null, 7]);
    expect(await values(store, over(3, "max"))).toEqual([10, null, 7]);
  });

  test("cumulative sums: growth between points, a drop and a new start are resets", async () => {
    const series = counter();
    const store = await filled([
      pointAt(series, [-60, 0], 100),
      pointAt(series, [-60, 1], 130),
      pointAt(series, [-60, 2], 10),
      // A new process: what it counts since its start at minute 3.
      pointAt(series, [3, 4], 6),
      pointAt(series, [3, 5], 8),
    ]);
    expect(await values(store, over(5, "sum"))).toEqual([30, 10, null, 6, 2]);
    expect(await values(store, over(5, "rate"))).toEqual([0.5, 10 / 60, null, 0.1, 2 / 60]);
  });

  test("growth is spread over the time between points, also across the window's ends: adjoining windows add up", async () => {
    const store = await filled([0, 60, 90, 100].map((value, at) => pointAt(counter(), [-1, at * 2 - 1], value)));
    const whole = await values(store, { ...over(4, "sum"), sinceNs: T0 - MINUTE, untilNs: T0 + 6n * MINUTE });
    expect(whole).toEqual([30, 30, 15, 15, 5, 5, null]);
    expect(await values(store, { ...over(2, "sum"), sinceNs: T0, untilNs: T0 + 2n * MINUTE })).toEqual([30, 15]);
    expect(await values(store, { ...over(2, "sum"), sinceNs: T0 + 2n * MINUTE, untilNs: T0 + 4n * MINUTE })).toEqual([
      15, 5,
    ]);
  });

  test("the first cumulative point counts from its start; without one it is what later ones are compared with", async () => {
    expect(await values(await filled([pointAt(counter(), [0, 2], 8)]), over(4, "sum"))).toEqual([4, 4, null, null]);
    for (const start of [undefined, 1]) {
      const store = await filled([pointAt(counter(), [start, 1], 1_000), pointAt(counter(), [start, 2], 1_003)]);
      expect(await values(store, over(3, "sum"))).toEqual([null, 3, null]);
    }
  });

  test("two processes that report as one series keep their own counts", async () => {
    const one = [pointAt(counter(), [0, 1], 10), pointAt(counter(), [0, 3], 20)];
    const other = [pointAt(counter(), [0.5, 2], 1_000), pointAt(counter(), [0.5, 4], 1_002)];
    const store = await filled([...one, ...other]);
    const expected = [10 + 1_000 / 3, 5 + 2_000 / 3, 5 + 1, 1].map((value) => expect.closeTo(value, 9));
    expect(await values(store, over(4, "sum"))).toEqual(expected);
  });

  test("delta sums add up, over their interval or at their moment; those that may fall fall", async () => {
    const series = counter({ temporality: "delta", monotonic: false });
    const store = await filled([pointAt(series, [0, 2], 10), pointAt(series, 2.5, -3)]);
    expect(await values(store, over(3, "sum"))).toEqual([5, 5, -3]);
    expect(await values(store, over(3, "rate"))).toEqual([5 / 60, 5 / 60, -3 / 60]);
  });

  test("a cumulative sum that may fall is a level", async () => {
    const series = counter({ monotonic: false });
    const store = await filled([pointAt(series, [-9, 0], 5), pointAt(series, [-9, 1], 3)]);
    expect(await values(store, over(2, "sum"))).toEqual([5, 3]);
    await expect(store.query(over(2, "rate"))).rejects.toMatchObject({ code: "usage" });
  });

  test("histograms: rates, means, extremes and quantiles of what was observed in the step", async () => {
    const store = await filled([
      pointAt(histogram(), [-60, 0], counts(100, 100, 0)),
      pointAt(histogram(), [-60, 1], counts(103, 101, 0)),
      pointAt(histogram(), [-60, 2], counts(103, 101, 5)),
    ]);
    expect(await values(store, over(2, "rate"))).toEqual([4 / 60, 5 / 60]);
    expect(await values(store, over(2, "sum"))).toEqual([5, 15]);
    expect(await values(store, over(2, "avg"))).toEqual([5 / 4, 3]);
    expect(await values(store, over(2, "min"))).toEqual([0, 2]);
    expect(await values(store, over(2, "max"))).toEqual([2, 2]);
    expect(await values(store, over(2, 0.5))).toEqual([2 / 3, 2]);
    expect(await values(store, over(2, 1))).toEqual([2, 2]);
  });

  test("a delta histogram's own least and greatest value are taken", async () => {
    const series = histogram({ temporality: "delta" });
    const store = await filled([pointAt(series, [0, 0.5], { ...counts(1, 0, 1), min: 0.25, max: 9 } as PointValue)]);
    expect(await values(store, over(1, "min"))).toEqual([0.25]);
    expect(await values(store, over(1, "max"))).toEqual([9]);
  });

  test("a histogram that was reset counts anew", async () => {
    const store = await filled([
      pointAt(histogram(), [-60, 0], counts(100, 100, 0)),
      pointAt(histogram(), [-60, 1], counts(0, 3, 0)),
    ]);
    expect(await values(store, over(1, "rate"))).toEqual([3 / 60]);
    expect(await values(store, over(1, 0.5))).toEqual([1.5]);
  });

  test("exponential histograms: a scale that became coarser meanwhile is the same histogram", async () => {
    const series = gauge({ type: "exponential_histogram", temporality: "cumulative" });
    const value = (scale: number, all: readonly number[]): PointValue => ({
      kind: "exponential_histogram",
      count: all.reduce((sum, one) => sum + one, 0),
      scale,
      zeroCount: 0,
      zeroThreshold: 0,
      positive: { offset: 0, counts: [...all] },
      negative: { offset: 0, counts: [] },
    });
    // Scale 1: bounds 1, √2, 2, 2√2, 4; scale 0: 1, 2, 4, 8.
    const store = await filled([
      pointAt(series, [-60, 0], value(1, [4, 4, 2, 2])),
      pointAt(series, [-60, 1], value(0, [8, 4, 6])),
    ]);
    expect(await values(store, over(1, "rate"))).toEqual([6 / 60]);
    expect(await values(store, over(1, "min"))).toEqual([4]);
    expect(await values(store, over(1, "max"))).toEqual([8]);
    expect(await values(store, over(1, 0.5))).toEqual([6]);
  });

  test("summaries: rates and means of what came between two points", async () => {
    const series = gauge({ type: "summary" });
    const value = (count: number, sum: number): PointValue => ({ kind: "summary", count, sum, quantiles: [] });
    const store = await filled([pointAt(series, [-60, 0], value(10, 100)), pointAt(series, [-60, 1], value(14, 120))]);
    expect(await values(store, over(1, "rate"))).toEqual([4 / 60]);
    expect(await values(store, over(1, "avg"))).toEqual([5]);
    await expect(store.query(over(1, 0.5))).rejects.toMatchObject({ code: "usage" });
  });

  test("a point without a value is no value and no reset", async () => {
    const store = await filled([
      pointAt(counter(), [-1, 0], 1),
      pointAt(counter(), [-1, 1], { kind: "none" }),
      pointAt(counter(), [-1, 2], 5),
      pointAt(gauge({ name: "g" }), 0, { kind: "none" }),
    ]);
    expect(await values(store, over(2, "sum"))).toEqual([2, 2]);
    expect(await values(store, { ...over(1, "sum"), name: "g" })).toEqual([null]);
  });

  test("groups by attributes of the series, else of its resource; the first are answered, all are counted", async () => {
    const of = (tool: string, host: string) =>
      gauge({ attributes: { tool }, resource: { "service.name": "api", host } });
    const store = await filled([pointAt(of("b", "x"), 0, 1), pointAt(of("a", "x"), 0, 2), pointAt(of("a", "y"), 0, 4)]);
    const grouped = (groupBy: string[], limit = 100) => store.query({ ...over(1, "sum"), groupBy, limit });
    expect((await grouped(["tool"])).groups).toEqual([
      { attributes: { tool: "a" }, series: 2, values: [6] },
      { attributes: { tool: "b" }, series: 1, values: [1] },
    ]);
    expect((await grouped(["host", "none"])).groups.map(({ attributes }) => attributes)).toEqual([
      { host: "x" },
      { host: "y" },
    ]);
    expect(await grouped(["tool"], 1)).toMatchObject({ totalGroups: 2, groups: [{ attributes: { tool: "a" } }] });
    expect((await store.query({ ...over(1, "sum"), attributes: { tool: "a", host: "y" } })).groups[0]?.values).toEqual([
      4,
    ]);
  });

  test("the newest exemplars of the window that name a trace come along", async () => {
    const exemplar = (n: number) => ({
      timeNs: T0 + BigInt(n),
      value: n,
      traceId: `${n}`.padStart(32, "f"),
      attributes: {},
    });
    const points = Array.from({ length: 12 }, (_, n) => ({ ...pointAt(gauge(), n / 20, n), exemplars: [exemplar(n)] }));
    const untraced = { ...pointAt(gauge(), 0.9, 1), exemplars: [{ timeNs: T0, value: 1, attributes: {} }] };
    const outside = { ...pointAt(gauge(), 2, 1), exemplars: [exemplar(99)] };
    const store = await filled([...points, untraced, outside]);
    const { exemplars } = await store.query(over(1, "sum"));
    expect(exemplars.map(({ value }) => value)).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
  });

  test("without a step the window is one; a last step that is cut has its own length", async () => {
    const store = await filled([pointAt(counter({ temporality: "delta" }), [0, 1.25], 75)]);
    const { stepNs: _, ...whole } = over(3, "rate");
    expect(await store.query(whole)).toMatchObject({
      steps: 1,
      stepNs: 3n * MINUTE,
      groups: [{ values: [75 / 180] }],
    });
    const cut = { ...whole, untilNs: T0 + MINUTE + MINUTE / 2n, stepNs: MINUTE };
    expect(await store.query(cut)).toMatchObject({ steps: 2, groups: [{ values: [1, 0.5] }] });
  });

  test.each<[string, Partial<MetricQuery>]>([
    ["an empty window", { untilNs: T0 }],
    ["a step of no length", { stepNs: 0n }],
    ["too many steps", { stepNs: 1n }],
    ["too many values", { stepNs: 10_000_000n, limit: 100 }],
    ["no group", { limit: 0 }],
    ["a quantile beyond 1", { aggregation: { kind: "quantile", quantile: 1.5 } }],
    ["a quantile of a gauge", { aggregation: { kind: "quantile", quantile: 0.5 } }],
    ["a rate of a gauge", { aggregation: { kind: "rate" } }],
  ])("%s is refused, with a way out", async (_, wrong) => {
    const store = await filled([pointAt(gauge(), 0, 1)]);
    await expect(store.query({ ...over(1, "sum"), ...wrong })).rejects.toMatchObject({
      code: "usage",
      remedy: expect.any(String),
    });
  });

  test("an unknown metric is not found; a known one without points in the window is empty", async () => {
    const store = await filled([pointAt(gauge(), 5, 1)]);
    await expect(store.query({ ...over(1, "sum"), name: "other" })).rejects.toMatchObject({ code: "not_found" });
    expect(await store.query(over(1, "sum"))).toMatchObject({ groups: [], totalGroups: 0, steps: 1, exemplars: [] });
  });

  test("one name for several kinds of metric is refused until one is named", async () => {
    const aggregation: MetricAggregation = { kind: "sum" };
    const store = await filled([
      pointAt(gauge(), 0, 1),
      pointAt(counter(), [0, 0.5], 4),
      pointAt(gauge({ unit: "s" }), 0, 2),
    ]);
    await expect(store.query(over(1, "sum"))).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("gauge"),
    });
    expect(await values(store, { ...over(1, "sum"), aggregation, type: "sum" })).toEqual([4]);
    expect(await values(store, { ...over(1, "sum"), type: "gauge", unit: "s" })).toEqual([2]);
  });
}
