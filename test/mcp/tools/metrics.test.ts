import { describe, expect, test } from "@jest/globals";
import type { MetricPoint } from "../../../src/model/metric.ts";
import { memoryStore } from "../../../src/store/memory.ts";
import { answerOf, contextOver } from "../calling.ts";
import { NOW } from "../hostile-store.ts";
import { MINUTE, shop } from "./populations.ts";

type Made = {
  readonly name: string;
  readonly value: number;
  readonly ago: number;
  readonly attributes?: Record<string, string>;
};

function gauge({ name, value, ago, attributes = {} }: Made): MetricPoint {
  return {
    series: {
      name,
      unit: "1",
      type: "gauge",
      attributes,
      service: "shop",
      resource: { "service.name": "shop" },
      scope: { name: "t" },
    },
    timeNs: NOW - BigInt(ago) * MINUTE,
    value: { kind: "number", value },
    exemplars: [],
  };
}

function counter({ ago, ...made }: Made): MetricPoint {
  const point = gauge({ ...made, ago });
  return {
    ...point,
    startNs: NOW - 1_000n * MINUTE,
    series: { ...point.series, type: "sum", temporality: "cumulative", monotonic: true },
  };
}

async function over(points: readonly MetricPoint[]) {
  const store = memoryStore();
  await store.metrics.append(points);
  return contextOver(store);
}

describe("list_metrics", () => {
  test("lists what has points in the window", async () => {
    const context = await over([
      gauge({ name: "load", value: 1, ago: 5, attributes: { cpu: "0" } }),
      gauge({ name: "load", value: 2, ago: 5, attributes: { cpu: "1" } }),
      gauge({ name: "old", value: 2, ago: 60 * 30 }),
    ]);
    const { body } = await answerOf("list_metrics", { detail: "full" }, context);
    expect(body).toMatchObject({
      metrics: [{ name: "load", service: "shop", type: "gauge", series: 2, attributeKeys: ["cpu"] }],
      total: 1,
    });
    expect((await answerOf("list_metrics", { time_range: "last_7_days" }, context)).body).toMatchObject({ total: 2 });
    expect((await answerOf("list_metrics", { service_name: "other" }, context)).body).toMatchObject({
      total: 0,
      hint: expect.any(String),
    });
  });

  test("leads through all, page by page", async () => {
    const context = await over(
      Array.from({ length: 60 }, (_, n) => gauge({ name: `m${String(n).padStart(2, "0")}`, value: n, ago: 1 })),
    );
    const seen: string[] = [];
    let cursor: unknown;
    do {
      const { body } = await answerOf(
        "list_metrics",
        { max_tokens: 1_000, ...(cursor !== undefined && { cursor }) },
        context,
      );
      seen.push(...(body["metrics"] as { name: string }[]).map(({ name }) => name));
      cursor = body["nextCursor"];
    } while (cursor !== undefined);
    expect(seen).toEqual(Array.from({ length: 60 }, (_, n) => `m${String(n).padStart(2, "0")}`));
  });
});

describe("query_metrics", () => {
  const load = () =>
    over([
      ...[1, 2, 3].map((value) => gauge({ name: "load", value, ago: 10 * value, attributes: { cpu: "0" } })),
      gauge({ name: "load", value: 10, ago: 10, attributes: { cpu: "1" } }),
    ]);

  test("gives one value per group, or the series", async () => {
    const context = await load();
    const { body } = await answerOf(
      "query_metrics",
      { metric: "load", group_by: ["cpu"], aggregation: "max" },
      context,
    );
    expect(body["groups"]).toMatchObject([
      { attributes: { cpu: "0" }, last: 3 },
      { attributes: { cpu: "1" }, last: 10 },
    ]);
    const series = await answerOf(
      "query_metrics",
      { metric: "load", aggregation: "avg", shape: "series", step: "10m" },
      context,
    );
    expect(series.body).toMatchObject({ stepMs: 600_000 });
    const [{ values }] = series.body["groups"] as [{ values: (number | null)[] }];
    expect(values).toHaveLength(6);
    expect(values).toContain(null);
  });

  test("filters by attributes", async () => {
    const { body } = await answerOf(
      "query_metrics",
      { metric: "load", attributes: { cpu: 1 }, aggregation: "avg" },
      await load(),
    );
    expect(body["groups"]).toMatchObject([{ last: 10 }]);
  });

  test("counts the growth of a counter, over a reset too", async () => {
    const context = await over([
      counter({ name: "calls", value: 100, ago: 30 }),
      counter({ name: "calls", value: 160, ago: 20 }),
      counter({ name: "calls", value: 40, ago: 10 }),
    ]);
    const { body } = await answerOf("query_metrics", { metric: "calls", aggregation: "sum" }, context);
    expect(body["groups"]).toMatchObject([{ last: expect.any(Number) }]);
    const [{ last }] = body["groups"] as [{ last: number }];
    expect(last).toBeGreaterThanOrEqual(100);
  });

  test("never makes more steps than an answer holds", async () => {
    const { body } = await answerOf("query_metrics", { metric: "load", shape: "series", step: "1ms" }, await load());
    const [{ values }] = body["groups"] as [{ values: unknown[] }];
    expect(values.length).toBeLessThanOrEqual(60);
  });

  test.each([
    { args: { metric: "none" }, code: "not_found" },
    { args: { metric: "load", aggregation: "rate" }, code: "usage" },
    { args: { metric: "load", shape: "series", step: "soon" }, code: "usage" },
    { args: { metric: "load", quantile: 2 }, code: "usage" },
  ])("$args is refused with $code", async ({ args, code }) => {
    expect((await answerOf("query_metrics", args, await load())).body).toMatchObject({ error: { code } });
  });
});

describe("get_slo_status", () => {
  const notes = {
    target: "shop",
    name: "available",
    service: "shop",
    sli: "availability",
    windowNs: 86_400e9,
  } as const;

  test("shows budgets from the rollups", async () => {
    const context = contextOver(await shop(100, (n) => ({ ago: n + 1, fails: n < 5 })));
    const objectives = async () => [
      { ...notes, objective: 0.9 },
      { ...notes, name: "strict", objective: 0.999 },
    ];
    const { body } = await answerOf("get_slo_status", { detail: "full" }, { ...context, objectives });
    expect(body).toMatchObject({
      verdict: "fail",
      objectives: [
        { name: "available", calls: 100, bad: 5, value: 0.95, budgetLeft: expect.closeTo(0.5, 5), verdict: "pass" },
        { name: "strict", verdict: "fail", burnRates: expect.any(Array) },
      ],
    });
    const summary = await answerOf("get_slo_status", {}, { ...context, objectives });
    expect((summary.body["objectives"] as object[])[0]).not.toHaveProperty("burnRates");
  });

  test("without calls decides nothing and says so", async () => {
    const { body } = await answerOf("get_slo_status", {}, contextOver(memoryStore()));
    expect(body).toMatchObject({
      verdict: "inconclusive",
      objectives: [{ alert: "no_data" }],
      hint: expect.stringContaining("list_services"),
    });
  });

  test("of a service without an objective says so", async () => {
    const { body } = await answerOf("get_slo_status", { service_name: "other" }, contextOver(memoryStore()));
    expect(body).toMatchObject({
      verdict: "inconclusive",
      objectives: [],
      hint: expect.stringContaining("No objective"),
    });
  });
});
