import { describe, expect, test } from "@jest/globals";
import { memoryStore } from "../../../src/store/memory.ts";
import { span, spanId, traceId } from "../../store/spans.ts";
import { answerOf, contextOver } from "../calling.ts";
import { NOW } from "../hostile-store.ts";
import { MINUTE, shop } from "./populations.ts";

const context = async (...args: Parameters<typeof shop>) => contextOver(await shop(...args));
const steady = (n: number) => ({ ago: n + 1 });

describe("list_services", () => {
  test("counts calls, errors and operations of each service, the busiest first", async () => {
    const given = await context(10, (n) => ({ ...steady(n), fails: n === 0, queries: n === 1 ? 3 : 1 }));
    const { body } = await answerOf("list_services", { detail: "full" }, given);
    expect(body["services"]).toEqual([
      { service: "db", operations: 1, calls: 12, errors: 1, busiest: ["SELECT cart"] },
      { service: "gateway", operations: 1, calls: 10, errors: 1, busiest: ["POST /checkout"] },
      { service: "shop", operations: 1, calls: 10, errors: 1, busiest: ["checkout"] },
    ]);
  });

  test("takes one service, and the window that is asked for", async () => {
    const given = await context(100, (n) => ({ ago: n * 10 + 5 }));
    const { body } = await answerOf("list_services", { service_name: "shop", time_range: "last_1_hour" }, given);
    expect(body).toMatchObject({ services: [{ service: "shop", calls: 6 }], total: 1 });
  });
});

describe("get_traces", () => {
  test("lists newest first, a service's own only", async () => {
    const { body } = await answerOf("get_traces", { service_name: "db", limit: 2 }, await context(5, steady));
    expect(body).toMatchObject({
      traces: [
        { traceId: traceId(0), rootService: "gateway", rootOperation: "POST /checkout", spans: 3, errors: 0 },
        { traceId: traceId(1) },
      ],
      returned: 2,
      truncated: true,
    });
    const next = await answerOf(
      "get_traces",
      { service_name: "db", cursor: body["nextCursor"] },
      await context(5, steady),
    );
    expect(next.body).toMatchObject({
      traces: [{ traceId: traceId(2) }, { traceId: traceId(3) }, { traceId: traceId(4) }],
    });
  });

  test("takes the window that is asked for", async () => {
    const args = { time_range: { start: "-4m", end: "-2m" } };
    const { body } = await answerOf("get_traces", args, await context(5, (n) => ({ ago: n + 1.5 })));
    expect(body).toMatchObject({ returned: 2 });
  });
});

describe("search_traces", () => {
  test("one span must meet all filters together", async () => {
    const given = await context(4, (n) => ({ ...steady(n), fails: n === 2 }));
    const both = await answerOf("search_traces", { service_name: "db", status: "error" }, given);
    expect(both.body).toMatchObject({ traces: [{ traceId: traceId(2) }], total: 1 });
    const slowQuery = await answerOf("search_traces", { service_name: "db", min_duration: "6ms" }, given);
    expect(slowQuery.body).toMatchObject({ total: 0, hint: expect.stringContaining("newest trace") });
    const slowRoot = await answerOf("search_traces", { service_name: "gateway", min_duration: "6ms" }, given);
    expect(slowRoot.body).toMatchObject({ total: 4 });
  });

  test("attributes are compared as text, numbers and truths too", async () => {
    const store = memoryStore();
    const attributes = [{ code: 500 }, { code: "500" }, { code: 501 }, { ok: true }];
    await store.append(
      attributes.map((own, n) => span({ traceId: traceId(n), attributes: own, startNs: NOW - MINUTE })),
    );
    const { body } = await answerOf("search_traces", { attributes: { code: 500 } }, contextOver(store));
    expect(body).toMatchObject({ total: 2 });
    expect((await answerOf("search_traces", { attributes: { ok: true } }, contextOver(store))).body).toMatchObject({
      total: 1,
    });
  });

  test.each([{ min_duration: "fast" }, { max_duration: "10" }])("%j is refused", async (args) => {
    const { body } = await answerOf("search_traces", args, await context(1, steady));
    expect(body).toMatchObject({ error: { code: "usage", remedy: expect.stringContaining("10ms") } });
  });
});

describe("get_trace_by_id", () => {
  test("shows a trace as a flat list in the order of its tree", async () => {
    const { body } = await answerOf(
      "get_trace_by_id",
      { trace_id: traceId(0) },
      await context(1, () => ({ ago: 1, queries: 2 })),
    );
    expect(body).toMatchObject({
      traceId: traceId(0),
      spanCount: 4,
      errors: 0,
      rows: [
        { path: "1", service: "gateway" },
        { path: "1.1", service: "shop" },
        { path: "1.1.1", operation: "SELECT cart" },
        { path: "1.1.2", operation: "SELECT cart" },
      ],
      total: 4,
      truncated: false,
    });
    expect(body).not.toHaveProperty("repaired");
  });

  test("shares a row among like siblings, and shows each on demand", async () => {
    const given = await context(1, () => ({ ago: 1, queries: 50 }));
    const { body } = await answerOf("get_trace_by_id", { trace_id: traceId(0) }, given);
    const rows = body["rows"] as { id: string; group?: { spans: number } }[];
    expect(rows.map(({ group }) => group?.spans)).toEqual([undefined, undefined, 50]);
    const full = await answerOf(
      "get_trace_by_id",
      { trace_id: traceId(0), under: rows[1]?.id, detail: "full", max_tokens: 12_000 },
      given,
    );
    expect(full.body).toMatchObject({ total: 51 });
  });

  test("shows the whole of single spans", async () => {
    const store = memoryStore();
    const link = { traceId: traceId(5), spanId: spanId(5), attributes: {} };
    await store.append([
      span({
        spanId: spanId(1),
        startNs: NOW,
        attributes: { "db.statement": "SELECT 1" },
        resource: { "service.name": "notes", "service.version": "1.2" },
        events: [{ name: "retry", timeNs: NOW + 2_000_000n, attributes: { n: 1 } }],
        links: [link],
      }),
    ]);
    const { body } = await answerOf(
      "get_trace_by_id",
      { trace_id: traceId(0), span_ids: [spanId(1)] },
      contextOver(store),
    );
    expect(body["spans"]).toMatchObject([
      {
        spanId: spanId(1),
        parentSpanId: null,
        attributes: { "db.statement": "SELECT 1" },
        resource: { "service.version": "1.2" },
        events: [{ name: "retry", atMs: 2, attributes: { n: 1 } }],
        links: [{ traceId: traceId(5), spanId: spanId(5) }],
      },
    ]);
  });

  test("keeps the root, errors and the critical path when the budget cuts", async () => {
    const store = memoryStore();
    const at = { startNs: NOW - MINUTE };
    const children = Array.from({ length: 400 }, (_, n) =>
      span({
        ...at,
        spanId: spanId(n + 1),
        parentSpanId: spanId(0),
        name: `child ${n}`,
        durationNs: 1_000 * (n + 1),
        status: n === 7 ? "error" : "unset",
      }),
    );
    await store.append([span({ ...at, spanId: spanId(0), durationNs: 900_000_000, name: "the root" }), ...children]);
    const { body } = await answerOf("get_trace_by_id", { trace_id: traceId(0), max_tokens: 1_000 }, contextOver(store));
    const names = (body["rows"] as { operation: string }[]).map(({ operation }) => operation);
    expect(names).toEqual(expect.arrayContaining(["the root", "child 7", "child 399"]));
    expect(names).not.toContain("child 100");
    expect(body).toMatchObject({ total: 401, truncated: true, nextCursor: expect.any(String) });
  });

  test("leads through all rows, by importance", async () => {
    const given = contextOver(memoryStore());
    const store = await given.store("write");
    await store.append(
      Array.from({ length: 120 }, (_, n) =>
        span({ spanId: spanId(n), ...(n > 0 && { parentSpanId: spanId(0) }), name: `op ${n}` }),
      ),
    );
    const seen = new Set<string>();
    let cursor: unknown;
    do {
      const args = { trace_id: traceId(0), max_tokens: 1_000, ...(cursor !== undefined && { cursor }) };
      const { body } = await answerOf("get_trace_by_id", args, given);
      for (const { operation } of body["rows"] as { operation: string }[]) {
        expect(seen.has(operation)).toBe(false);
        seen.add(operation);
      }
      cursor = body["nextCursor"];
    } while (cursor !== undefined);
    expect(seen.size).toBe(120);
  });

  test("says what was wrong with a broken trace", async () => {
    const store = memoryStore();
    await store.append([
      span({ spanId: spanId(1), parentSpanId: spanId(2) }),
      span({ spanId: spanId(2), parentSpanId: spanId(1) }),
      span({ spanId: spanId(3), parentSpanId: spanId(9) }),
    ]);
    const { body } = await answerOf("get_trace_by_id", { trace_id: traceId(0) }, contextOver(store));
    expect(body["repaired"]).toMatch(/1 spans name a parent.*1 cycles were cut.*1 more roots/);
  });

  test.each([
    { span_ids: ["ffffffff"], code: "not_found" },
    { under: "0000", code: "usage" },
    { span_ids: ["xyz1"], code: "usage" },
  ])("%j is refused", async ({ code, ...args }) => {
    const { body } = await answerOf("get_trace_by_id", { trace_id: traceId(0), ...args }, await context(1, steady));
    expect(body).toMatchObject({ error: { code } });
  });
});

describe("correlate_distributed_traces", () => {
  test("joins traces by attribute, id and links, in order of time", async () => {
    const store = memoryStore();
    const at = (minutes: bigint) => ({ startNs: NOW - minutes * MINUTE });
    await store.append([
      span({ traceId: traceId(1), ...at(10n), attributes: { "order.id": "o-1" } }),
      span({
        traceId: traceId(2),
        ...at(30n),
        attributes: { "correlation.id": "o-1" },
        links: [{ traceId: traceId(3), spanId: spanId(0), attributes: {} }],
      }),
      span({ traceId: traceId(3), ...at(20n), service: "mail" }),
      span({ traceId: traceId(4), ...at(5n), attributes: { "order.id": "o-2" } }),
    ]);
    const { body } = await answerOf("correlate_distributed_traces", { transaction_id: "o-1" }, contextOver(store));
    const found = (body["traces"] as { rootService: string; by: string[] }[]).map(({ rootService, by }) => [
      rootService,
      by.join(),
    ]);
    expect(found).toEqual([
      ["notes", "attribute correlation.id"],
      ["mail", expect.stringContaining("link of")],
      ["notes", "attribute order.id"],
    ]);
    expect(body["services"]).toEqual(["notes", "mail"]);
  });

  test("takes a trace id, and the attribute that is named", async () => {
    const store = memoryStore();
    await store.append([span({ traceId: traceId(1), startNs: NOW - MINUTE, attributes: { "my.key": "v" } })]);
    const byId = await answerOf("correlate_distributed_traces", { transaction_id: traceId(1) }, contextOver(store));
    expect(byId.body).toMatchObject({ traces: [{ by: ["trace id"] }] });
    const own = await answerOf(
      "correlate_distributed_traces",
      { transaction_id: "v", attribute: "my.key" },
      contextOver(store),
    );
    expect(own.body).toMatchObject({ returned: 1 });
    const none = await answerOf("correlate_distributed_traces", { transaction_id: "v" }, contextOver(store));
    expect(none.body).toMatchObject({ returned: 0, hint: expect.stringContaining("name the attribute") });
  });
});
