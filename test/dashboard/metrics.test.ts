import { describe, expect, test } from "@jest/globals";
import nock from "nock";
import { MetricAnswerJson, metricAnswerJson, MetricPageJson } from "../../src/model/metric-json.ts";
import type { MetricPoint } from "../../src/model/metric.ts";
import { openPostgresStore } from "../../src/store/postgres.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { counter, counts, gauge, histogram, pointAt, T0 } from "../store/points.ts";
import { traceId } from "../store/spans.ts";
import { freshDatabase, postgresUrl } from "../support/postgres.ts";
import { runningApi, type RunningApi } from "./running.ts";

nock.restore();

const CALLS = counter({ name: "mcp.calls", unit: "{call}", description: "Calls.", attributes: { tool: "search" } });
const READS = counter({ name: "mcp.calls", unit: "{call}", description: "Calls.", attributes: { tool: "read" } });

const POINTS: readonly MetricPoint[] = [
  ...[0, 1, 2].map((at) => pointAt(CALLS, [0, at], at * 60)),
  ...[0, 1, 2].map((at) => pointAt(READS, [0, at], at * 120)),
  {
    ...pointAt(gauge({ name: "memory/used", unit: "By" }), 1, 7),
    exemplars: [{ timeNs: T0, value: 7, traceId: traceId(1), attributes: {} }],
  },
  pointAt(histogram({ name: "latency", unit: "s" }), [0, 1], counts(0, 4, 0)),
];
/** Three minutes from the first point on; the clock of these tests stands before them, so times are absolute. */
const WINDOW = "since=2023-11-14T23:00:00Z&until=2023-11-14T23:03:00Z";

async function get<Answer>(
  running: RunningApi,
  path: string,
  schema: { parse: (value: unknown) => Answer },
): Promise<Answer> {
  const response = await running.get(path, await running.key("executive"));
  const body: unknown = await response.json();
  expect({ status: response.status, body }).toEqual({ status: 200, body: schema.parse(body) });
  return body as Answer;
}

/** What the routes answer on any store. */
async function answers(store: Store): Promise<void> {
  await store.metrics.append(POINTS);
  await using running = await runningApi({ store });
  const list = await get(running, `/metrics?${WINDOW}`, MetricPageJson);
  expect(list).toMatchObject({ total: 3, returned: 3 });
  expect(list.metrics.map(({ name, series }) => [name, series])).toEqual([
    ["latency", 1],
    ["mcp.calls", 2],
    ["memory/used", 1],
  ]);
  expect(list.metrics[1]).toEqual({
    name: "mcp.calls",
    service: "api",
    unit: "{call}",
    type: "sum",
    temporality: "cumulative",
    monotonic: true,
    description: "Calls.",
    series: 2,
    attributeKeys: ["tool"],
    first: "2023-11-14T23:00:00.000Z",
    last: "2023-11-14T23:02:00.000Z",
  });
  const first = await get(running, `/metrics?limit=2&${WINDOW}`, MetricPageJson);
  const rest = await get(running, `/metrics?limit=2&${WINDOW}&cursor=${first.nextCursor ?? ""}`, MetricPageJson);
  expect(rest.metrics.map(({ name }) => name)).toEqual(["memory/used"]);
  expect(await get(running, `/metrics?name=latency&${WINDOW}`, MetricPageJson)).toMatchObject({ total: 1 });

  const rate = await get(
    running,
    `/metrics/mcp.calls?aggregation=rate&step=1m&groupBy=tool&${WINDOW}`,
    MetricAnswerJson,
  );
  expect(rate).toMatchObject({ unit: "{call}", stepMs: 60_000, steps: 3, totalGroups: 2, returned: 2 });
  expect(rate.groups.map(({ attributes, values }) => [attributes["tool"], values.slice(0, 2)])).toEqual([
    ["read", [2, 2]],
    ["search", [1, 1]],
  ]);
  const search = `/metrics/mcp.calls?aggregation=sum&attr=tool%3Dsearch&${WINDOW}`;
  expect((await get(running, search, MetricAnswerJson)).groups).toEqual([{ attributes: {}, series: 1, values: [120] }]);
  const used = await get(running, `/metrics/memory%2Fused?aggregation=max&${WINDOW}`, MetricAnswerJson);
  expect(used).toMatchObject({ groups: [{ values: [7] }], exemplars: [{ traceId: traceId(1), value: 7 }] });
  const median = await get(running, `/metrics/latency?aggregation=quantile&quantile=0.5&${WINDOW}`, MetricAnswerJson);
  expect(median.groups[0]?.values[0]).toBeCloseTo(1.5);
}

describe("metrics", () => {
  test("in memory", () => answers(memoryStore()));

  (postgresUrl === undefined ? test.skip : test)("on PostgreSQL", async () => {
    const { url, drop } = await freshDatabase(postgresUrl ?? "");
    {
      await using store = await openPostgresStore({ url });
      await answers(store);
    }
    await drop();
  });

  test.each([
    ["/metrics/none?aggregation=sum", 404, "none"],
    ["/metrics/mcp.calls", 400, "aggregation"],
    [`/metrics/mcp.calls?aggregation=avg&${WINDOW}`, 400, "avg"],
    [`/metrics/mcp.calls?aggregation=quantile&quantile=2&${WINDOW}`, 400, "quantile"],
    [`/metrics/mcp.calls?aggregation=sum&step=0s&${WINDOW}`, 400, "step"],
    [`/metrics/mcp.calls?aggregation=sum&step=1ns&${WINDOW}`, 400, "step"],
    ["/metrics?cursor=x", 400, "cursor"],
    ["/metrics?type=number", 400, "type"],
  ])("%s is refused with %d", async (path, status, message) => {
    const store = memoryStore();
    await store.metrics.append(POINTS);
    await using running = await runningApi({ store });
    const response = await running.get(path, await running.key());
    expect(await response.json()).toMatchObject({ status, detail: expect.stringContaining(message) });
    expect(running.errors).toEqual([]);
  });

  test("a value beyond all numbers is null, as JSON would make it", () => {
    const groups = [{ attributes: {}, series: 1, values: [1, Number.POSITIVE_INFINITY, null] }];
    const answer = metricAnswerJson({
      name: "m",
      sinceNs: 0n,
      stepNs: 1n,
      steps: 3,
      groups,
      totalGroups: 1,
      exemplars: [],
    });
    expect(answer.groups[0]?.values).toEqual([1, null, null]);
  });
});
