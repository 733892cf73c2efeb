import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { MetricPoint, PointValue } from "../../src/model/metric.ts";
import type { MetricFilter, MetricStore } from "../../src/store/metric-port.ts";
import type { Harness } from "./harness.ts";
import { metricQueryContract } from "./metric-query-contract.ts";
import { counter, counts, gauge, histogram, identity, MINUTE, pointAt, pointSet, sortedPoints, T0 } from "./points.ts";

/** What every {@link MetricStore} promises. `runs`: random cases per property. */
export function metricContract(start: () => Promise<Harness>, runs: number): void {
  let harness: Harness;
  beforeAll(async () => {
    harness = await start();
  });
  afterAll(() => harness.end());
  const filled = async (...batches: (readonly MetricPoint[])[]): Promise<MetricStore> => {
    const { metrics } = await harness.empty();
    for (const batch of batches) await metrics.append(batch);
    return metrics;
  };
  properties(filled, runs);
  describe("append", () => appending(filled));
  describe("list and points", () => listing(filled));
  describe("prune", () => pruning(filled));
  describe("query", () => metricQueryContract(filled));
}

/** A store with these batches. */
export type FilledMetrics = (...batches: (readonly MetricPoint[])[]) => Promise<MetricStore>;

/** All points that a filter names. */
export async function allPoints(store: MetricStore, filter: MetricFilter = {}): Promise<readonly MetricPoint[]> {
  const found: MetricPoint[] = [];
  for await (const batch of store.points(filter)) found.push(...batch);
  return found;
}

function properties(filled: FilledMetrics, numRuns: number): void {
  test("points come back as they were, in whatever batches and however often they were sent", async () => {
    await fc.assert(
      fc.asyncProperty(pointSet, fc.nat(20), async (points, cut) => {
        const store = await filled();
        const [left, right] = [points.slice(0, cut), points.slice(cut)];
        expect(await store.append(left)).toEqual({ stored: left.length, duplicates: 0 });
        expect(await store.append([...right, ...right])).toEqual({ stored: right.length, duplicates: right.length });
        expect(await store.append(points)).toEqual({ stored: 0, duplicates: points.length });
        expect(sortedPoints(await allPoints(store))).toEqual(sortedPoints(points));
      }),
      { numRuns },
    );
  });

  test("filters give what a naive filter gives; the list counts series once, page by page", async () => {
    const filters: readonly MetricFilter[] = [
      { name: "m", service: "api" },
      { type: "sum", unit: "s" },
      { attributes: { notes: "search" } },
      { sinceNs: T0 + 5n * MINUTE, untilNs: T0 + 20n * MINUTE },
    ];
    await fc.assert(
      fc.asyncProperty(pointSet, async (points) => {
        const store = await filled(points);
        for (const filter of filters) {
          const wanted = points.filter((point) => isWanted(point, filter));
          expect(sortedPoints(await allPoints(store, filter))).toEqual(sortedPoints(wanted));
          const listed = await allMetrics(store, filter);
          expect(listed.map(({ series }) => series).reduce((sum, n) => sum + n, 0)).toBe(
            new Set(wanted.map(({ series }) => identity({ ...series, bounds: series.bounds ?? [] }))).size,
          );
          const times = wanted.map(({ timeNs }) => timeNs).sort((a, b) => (a < b ? -1 : 1));
          expect(listed.map(({ firstNs }) => firstNs).sort((a, b) => (a < b ? -1 : 1))[0]).toBe(times[0]);
          expect(listed.map(({ lastNs }) => lastNs).sort((a, b) => (a < b ? 1 : -1))[0]).toBe(times.at(-1));
        }
      }),
      { numRuns: Math.ceil(numRuns / 2) },
    );
  });
}

function isWanted({ series, timeNs }: MetricPoint, filter: MetricFilter): boolean {
  const { name = series.name, service = series.service, type = series.type, unit = series.unit } = filter;
  const isNamed = series.name === name && series.service === service && series.type === type && series.unit === unit;
  const isIn = timeNs >= (filter.sinceNs ?? 0n) && timeNs < (filter.untilNs ?? 2n ** 64n);
  const has = Object.entries(filter.attributes ?? {}).every(([key, text]) =>
    [series.attributes, series.resource].some((own) => Object.hasOwn(own, key) && own[key] === text),
  );
  return isNamed && isIn && has;
}

async function allMetrics(store: MetricStore, filter: MetricFilter) {
  const all = [];
  for (let cursor: string | undefined; ;) {
    const page = await store.list(filter, { limit: 1, ...(cursor === undefined ? {} : { cursor }) });
    all.push(...page.metrics);
    cursor = page.nextCursor;
    if (cursor !== undefined) continue;
    expect(page.total).toBe(all.length);
    return all;
  }
}

function appending(filled: FilledMetrics): void {
  test.each<[string, MetricPoint]>([
    ["NaN", pointAt(gauge(), 1, Number.NaN)],
    ["infinity", pointAt(gauge(), 1, Infinity)],
    ["a negative count", pointAt(histogram(), 1, { kind: "histogram", count: -1, counts: [-1, 0, 0] })],
    ["half a count", pointAt(histogram(), 1, counts(0.5, 0, 0))],
    ["too few buckets", pointAt(histogram(), 1, counts(1, 2))],
    ["bounds that do not ascend", pointAt(histogram({ bounds: [2, 1] }), 1, counts(1, 1, 1))],
    ["counts that do not add up", pointAt(histogram(), 1, { kind: "histogram", count: 9, counts: [1, 1, 1] })],
    ["a time before 1970", { ...pointAt(gauge(), 1, 1), timeNs: -1n }],
    ["a time beyond 2262", { ...pointAt(gauge(), 1, 1), timeNs: 2n ** 63n }],
    ["a start after the time", pointAt(counter(), [2, 1], 1)],
    ["a value of another type", pointAt(gauge(), 1, counts(1, 1, 1))],
    ["a negative monotonic sum", pointAt(counter(), 1, -1)],
  ])("%s is refused, and nothing of the batch is kept", async (_, wrong) => {
    const good = pointAt(gauge({ name: "good" }), 1, 1);
    const store = await filled();
    await expect(store.append([good, wrong])).rejects.toMatchObject({ code: "store_write_failed" });
    expect(await allPoints(store)).toEqual([]);
    expect(await store.append([good])).toEqual({ stored: 1, duplicates: 0 });
  });

  test("a point that is there already is left as it was", async () => {
    const store = await filled([pointAt(gauge(), 1, 1)], [pointAt(gauge(), 1, 2)]);
    expect((await allPoints(store)).map(({ value }) => value)).toEqual([{ kind: "number", value: 1 }]);
  });

  test("attributes in another order name the same series, another description too", async () => {
    const one = gauge({ attributes: { a: 1, b: 2 }, resource: { x: 1, y: 2 }, description: "first" });
    const other = gauge({ attributes: { b: 2, a: 1 }, resource: { y: 2, x: 1 }, description: "second" });
    const store = await filled([pointAt(one, 1, 1)], [pointAt(other, 2, 2)]);
    expect(await store.list({}, { limit: 9 })).toMatchObject({
      metrics: [{ series: 1, description: "first" }],
      total: 1,
    });
  });

  test("ten thousand attributes and ten thousand series are stored", async () => {
    const wide = gauge({
      name: "wide",
      attributes: Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`k${n}`, n])),
    });
    const many = Array.from({ length: 10_000 }, (_, n) => pointAt(gauge({ attributes: { n } }), 1, n));
    const store = await filled();
    expect(await store.append([pointAt(wide, 1, 1), ...many])).toEqual({ stored: 10_001, duplicates: 0 });
    expect(await allPoints(store, { name: "wide" })).toEqual([pointAt(wide, 1, 1)]);
    expect((await store.list({ name: "m" }, { limit: 1 })).metrics[0]).toMatchObject({ series: 10_000 });
  });

  test("-0 is 0, and the least and greatest numbers come back exactly", async () => {
    const values = [Number.MIN_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE, 2 ** 53 - 1, 0.1];
    const store = await filled([...values, -0].map((value, at) => pointAt(gauge(), at, value)));
    const expected = [...values, 0].map((value): PointValue => ({ kind: "number", value }));
    expect((await allPoints(store)).map(({ value }) => value)).toEqual(expected);
  });
}

function listing(filled: FilledMetrics): void {
  test("a metric is told with its kind, attribute keys and times", async () => {
    const store = await filled([
      pointAt(counter({ attributes: { b: 1 } }), 1, 1),
      pointAt(counter({ attributes: { a: 1 } }), 3, 1),
      pointAt(gauge({ service: "db" }), 2, 1),
    ]);
    const { metrics, total } = await store.list({ service: "api" }, { limit: 9 });
    expect(total).toBe(1);
    expect(metrics[0]).toEqual({
      name: "m",
      service: "api",
      unit: "1",
      type: "sum",
      temporality: "cumulative",
      monotonic: true,
      series: 2,
      attributeKeys: ["a", "b"],
      firstNs: T0 + MINUTE,
      lastNs: T0 + 3n * MINUTE,
    });
  });

  test.each(["", "x", Buffer.from("x").toString("base64url"), "W10="])("the cursor %j is refused", async (cursor) => {
    const store = await filled();
    await expect(store.list({}, { limit: 1, cursor })).rejects.toMatchObject({ code: "usage" });
  });

  test.each([0, 1.5, 1_001, Number.NaN])("a page of %p metrics is refused", async (limit) => {
    await expect((await filled()).list({}, { limit })).rejects.toMatchObject({ code: "usage" });
  });

  test("streams come in batches of at most 1,000 points, by time", async () => {
    const many = Array.from({ length: 2_500 }, (_, n) => pointAt(gauge(), n, n));
    const store = await filled(many.toReversed());
    const sizes: number[] = [];
    for await (const batch of store.points({})) sizes.push(batch.length);
    expect(sizes).toEqual([1_000, 1_000, 500]);
    expect(await allPoints(store)).toEqual(many);
  });
}

function pruning(filled: FilledMetrics): void {
  test("what is older goes, step by step, and is counted before and while", async () => {
    const points = Array.from({ length: 6_000 }, (_, n) => pointAt(gauge({ attributes: { n: n % 7 } }), n, n));
    const store = await filled(points);
    const before = T0 + 5_500n * MINUTE;
    expect(await store.oldestNs()).toBe(T0);
    expect(await store.prunable(before)).toBe(5_500);
    let removed = 0;
    for (let count = -1; count !== 0; removed += count) count = await store.prune(before);
    expect(removed).toBe(5_500);
    expect(await store.prunable(before)).toBe(0);
    expect(await store.oldestNs()).toBe(before);
    expect(sortedPoints(await allPoints(store))).toEqual(sortedPoints(points.slice(5_500)));
    expect(await store.append([points[0] as MetricPoint])).toEqual({ stored: 1, duplicates: 0 });
  });

  test("an empty store has nothing to remove", async () => {
    const store = await filled();
    expect([await store.prune(2n ** 62n), await store.prunable(2n ** 62n), await store.oldestNs()]).toEqual([
      0,
      0,
      undefined,
    ]);
  });
}
