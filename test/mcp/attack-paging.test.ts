import { Buffer } from "node:buffer";
import { beforeAll, describe, expect, test } from "@jest/globals";
import type { ToolContext } from "../../src/mcp/tool.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { span, spanId, traceId } from "../store/spans.ts";
import { answerOf, contextOver } from "./calling.ts";
import { NOW } from "./hostile-store.ts";

type Args = Readonly<Record<string, unknown>>;
type Body = Record<string, unknown>;

const SECOND = 1_000_000_000n;
const WIDE = traceId(9_000);
const COUNT = 230;

const longNames = Array.from(
  { length: COUNT },
  (_, n) => `${String(n).padStart(3, "0")}${"名".repeat(n % 2 === 0 ? 197 : 1)}`,
);

/** Many of everything that is listed: services, traces, spans of one trace, specifications, metrics. */
async function manyOfAll(): Promise<Store> {
  const store = memoryStore();
  const traces = Array.from({ length: COUNT }, (_, n) =>
    span({ traceId: traceId(n), service: `service-${n}`, name: "op", startNs: NOW - BigInt(n + 1) * SECOND }),
  );
  const wide = Array.from({ length: COUNT }, (_, n) =>
    span({
      traceId: WIDE,
      spanId: spanId(n),
      ...(n > 0 && { parentSpanId: spanId(0) }),
      service: "wide",
      name: `step ${n}`,
      startNs: NOW - 90n * SECOND + BigInt(n),
      ...(n % 7 === 3 && { status: "error" as const }),
    }),
  );
  await store.append([...traces, ...wide]);
  for (const name of longNames) {
    const body = JSON.stringify({ name, expected_spans: [{ operation_name: "a" }] });
    await store.documents.put({ kind: "spec", name, body, nowNs: NOW, after: 0 });
  }
  const shared = { type: "gauge", unit: "1", service: "notes", scope: { name: "t" }, resource: {} } as const;
  const points = Array.from({ length: COUNT }, (_, n) =>
    [`metric-${String(n).padStart(3, "0")}`, "grouped"].map((name) => ({
      series: { ...shared, name, attributes: name === "grouped" ? { key: `k${n}` } : {} },
      timeNs: NOW - SECOND,
      value: { kind: "number" as const, value: n },
      exemplars: [],
    })),
  );
  await store.metrics.append(points.flat());
  return store;
}

/** Every tool with a cursor, the list that it pages, and what tells its items apart. */
const PAGED: readonly { name: string; args: Args; list: string; key: string; count: number }[] = [
  { name: "get_traces", args: {}, list: "traces", key: "traceId", count: COUNT + 1 },
  { name: "search_traces", args: { operation: "op" }, list: "traces", key: "traceId", count: COUNT },
  { name: "list_services", args: {}, list: "services", key: "service", count: COUNT + 1 },
  { name: "list_services", args: { detail: "full" }, list: "services", key: "service", count: COUNT + 1 },
  { name: "get_trace_by_id", args: { trace_id: WIDE }, list: "rows", key: "id", count: COUNT },
  { name: "get_trace_by_id", args: { trace_id: WIDE, detail: "full" }, list: "spans", key: "spanId", count: COUNT },
  { name: "list_trace_specs", args: {}, list: "specs", key: "name", count: COUNT },
  { name: "list_metrics", args: {}, list: "metrics", key: "name", count: COUNT + 1 },
  { name: "list_metrics", args: { detail: "full" }, list: "metrics", key: "name", count: COUNT + 1 },
  {
    name: "query_metrics",
    args: { metric: "grouped", group_by: ["key"] },
    list: "groups",
    key: "attributes",
    count: COUNT,
  },
];

let store: Store;
let context: ToolContext;
beforeAll(async () => {
  store = await manyOfAll();
  context = contextOver(store);
});

async function page(name: string, args: Args): Promise<Body> {
  const { body, text, isError } = await answerOf(name, args, context);
  expect({ isError, text: isError ? text : "" }).toEqual({ isError: false, text: "" });
  const tokens = Math.ceil(Buffer.byteLength(text) / 4);
  expect(tokens).toBeLessThanOrEqual(Number(args["max_tokens"] ?? 4_000));
  expect(body["tokens"]).toBeGreaterThanOrEqual(tokens);
  return body;
}

/** All items, page by page; each page is checked against those before it. */
async function allPages({ name, args, list }: (typeof PAGED)[number], budgets: readonly number[]): Promise<Body[]> {
  const items: Body[] = [];
  let cursor: unknown;
  for (let at = 0; at < 400; at += 1) {
    const paging = { max_tokens: budgets[at % budgets.length], ...(cursor !== undefined && { cursor }) };
    const body = await page(name, { ...args, ...paging });
    const own = body[list] as Body[];
    expect(body["returned"]).toBe(own.length);
    expect(own.length).toBeGreaterThan(0);
    items.push(...own);
    const { total, nextCursor, truncated, omitted } = body as { total: number | null; [key: string]: unknown };
    expect(truncated).toBe(nextCursor !== undefined);
    const left = total === null ? null : total - items.length;
    // Where pages before this one were not counted, nothing is claimed of what is left.
    const told = (omitted as { items: number | null } | undefined)?.items;
    if (told !== undefined && told !== null) expect(told).toBe(left);
    if (nextCursor === undefined) return items;
    cursor = nextCursor;
  }
  throw new Error("Paging does not end.");
}

const BUDGETS = [[1_000], [12_000], [1_000, 12_000, 3_333]];
const cases = PAGED.flatMap((each) => BUDGETS.map((budgets) => ({ ...each, budgets })));

test.each(cases)("$name $args by $budgets tokens: every item once", async ({ budgets, ...each }) => {
  const items = await allPages(each, budgets);
  const keys = items.map((item) => JSON.stringify(item[each.key]));
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys).toHaveLength(each.count);
});

test("limit makes pages smaller, and none is lost between limit and budget", async () => {
  for (const limit of [1, 7, 1_000]) {
    const items = await allPages(
      { name: "get_traces", args: { limit }, list: "traces", key: "traceId", count: 0 },
      [1_000],
    );
    expect(new Set(items.map(({ traceId: id }) => id)).size).toBe(COUNT + 1);
  }
});

test("traces that arrive between two pages neither repeat nor hide older ones", async () => {
  const own = memoryStore();
  const at = (n: number) => span({ traceId: traceId(n), startNs: NOW - BigInt(1_000 - n) * SECOND });
  await own.append(Array.from({ length: 60 }, (_, n) => at(n)));
  const seen: unknown[] = [];
  let cursor: unknown;
  for (let next = 60; ; next += 5) {
    const args = { max_tokens: 1_000, ...(cursor !== undefined && { cursor }) };
    const { body } = await answerOf("get_traces", args, contextOver(own));
    seen.push(...(body["traces"] as Body[]).map(({ traceId: id }) => id));
    cursor = body["nextCursor"];
    if (cursor === undefined) break;
    await own.append(Array.from({ length: 5 }, (_, n) => at(next + n)));
  }
  expect(seen).toEqual(Array.from({ length: 60 }, (_, n) => traceId(59 - n)));
});

describe("a cursor", () => {
  const first = async ({ name, args }: (typeof PAGED)[number]): Promise<string> =>
    String((await page(name, { ...args, max_tokens: 1_000 }))["nextCursor"]);
  const refused = { error: { code: "usage", message: expect.stringContaining("cursor") } };

  test.each(PAGED)("of $name $args is refused by every other list, where it would skip items", async (from) => {
    const cursor = await first(from);
    for (const { name, args } of PAGED.filter((other) => other !== from)) {
      const { body } = await answerOf(name, { ...args, cursor }, context);
      expect({ name, args, body }).toMatchObject({ name, args, body: refused });
    }
  });

  test.each(PAGED)("of $name $args is refused when altered", async (from) => {
    const cursor = await first(from);
    const altered = [
      ...[0, 1, Math.floor(cursor.length / 2), cursor.length - 1].map(
        (at) => cursor.slice(0, at) + (cursor[at] === "0" ? "1" : "0") + cursor.slice(at + 1),
      ),
      cursor.slice(1),
      cursor.slice(0, -1),
      ` ${cursor}`,
      `${cursor}\n`,
      cursor.toUpperCase(),
      "",
      "o-1",
      "o99999999999",
    ].filter((text) => text !== cursor);
    for (const text of altered) {
      const { body } = await answerOf(from.name, { ...from.args, cursor: text }, context);
      expect({ text, body }).toMatchObject({ text, body: refused });
    }
  });

  test("is good with another budget and another limit, for those say nothing of the list", async () => {
    const [from] = PAGED as [(typeof PAGED)[number]];
    const cursor = await first(from);
    expect(await page("get_traces", { cursor, limit: 3, max_tokens: 9_000 })).toMatchObject({ returned: 3 });
  });
});
