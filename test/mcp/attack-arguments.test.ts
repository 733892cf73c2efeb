import { describe, expect, test } from "@jest/globals";
import { CATALOGUE } from "../../src/mcp/catalogue.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { span, traceId } from "../store/spans.ts";
import { answerOf, contextOver } from "./calling.ts";
import { NOW } from "./hostile-store.ts";
import { connected } from "./wire-client.ts";

/** Parses as clients' messages are parsed: `__proto__` becomes a member like any other. */
const parsed = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

async function twoTraces(): Promise<Store> {
  const store = memoryStore();
  const startNs = NOW - 60_000_000_000n;
  await store.append([
    span({ traceId: traceId(1), startNs, attributes: { tenant: "a" } }),
    span({ traceId: traceId(2), startNs, attributes: { tenant: "b" } }),
  ]);
  return store;
}

describe("an argument that a tool does not know", () => {
  test.each([
    ["search_traces", "servicename", "service_name"],
    ["search_traces", "min_durations", "min_duration"],
    ["get_traces", "maxtokens", "max_tokens"],
    ["get_trace_by_id", "traceid", "trace_id"],
    ["find_root_cause", "incidents", "incident"],
    ["query_metrics", "groupBy", "group_by"],
    ["define_trace_spec", "specificaton", "specification"],
    ["execute_and_capture", "session-id", "session_id"],
  ])("%s %s is refused, naming %s", async (name, given, meant) => {
    const { body } = await answerOf(name, { [given]: "x" }, contextOver(memoryStore()));
    const told = { message: expect.stringContaining(given), remedy: expect.stringContaining(`Did you mean ${meant}?`) };
    expect(body).toMatchObject({ error: { code: "usage", ...told } });
  });

  test("is told over the wire as every error is: code, message and what to do", async () => {
    await using client = await connected(memoryStore());
    const { isError, body } = await client.call("search_traces", { servicename: "x" });
    expect(isError).toBe(true);
    expect(body).toMatchObject({ error: { code: "usage", remedy: expect.stringContaining("service_name") } });
  });

  test("that looks like none gets the list of those that there are", async () => {
    const { body } = await answerOf("list_trace_specs", { zzzzzzzzzz: 1 }, contextOver(memoryStore()));
    expect(body).toMatchObject({ error: { remedy: "It takes cursor, max_tokens." } });
  });

  test("of 100,000 characters does not come back whole", async () => {
    const { text } = await answerOf("list_services", { ["x".repeat(100_000)]: 1 }, contextOver(memoryStore()));
    expect(text.length).toBeLessThan(10_000);
  });
});

/** What no argument is. */
const WRONG: readonly unknown[] = [null, true, -1, 1e300, "\u0000", [], [[]], {}, { a: {} }];

describe.each(CATALOGUE.map((tool) => [tool.name, tool] as const))("%s with wrong types", (name, { input }) => {
  test.each(Object.keys(input.shape))("%s is refused with a code and never as a defect", async (argument) => {
    const refused = WRONG.filter((value) => !(input.shape[argument]?.safeParse(value).success ?? true));
    expect(refused.length).toBeGreaterThan(3);
    for (const value of refused) {
      const { body, isError } = await answerOf(name, { [argument]: value }, contextOver(memoryStore()));
      expect({ value, isError, body }).toMatchObject({ isError: true, body: { error: { code: "usage" } } });
      expect(JSON.stringify(body)).toContain(argument);
    }
  });
});

test.each(CATALOGUE.map(({ name }) => name))("%s of what is no object", async (name) => {
  for (const args of [null, [], "x", 1, true, [{}]]) {
    const { body } = await answerOf(name, args, contextOver(memoryStore()));
    expect(body).toMatchObject({ error: { code: "usage" } });
  }
});

describe("__proto__ and its like", () => {
  test.each([
    ["search_traces", '{"attributes":{"__proto__":"x"}}'],
    ["search_traces", '{"__proto__":{"service_name":"notes"}}'],
    ["query_metrics", '{"metric":"m","attributes":{"__proto__":"x"}}'],
    ["update_trace_spec", '{"name":"s","updates":{"__proto__":{"description":"x"}}}'],
    ["define_trace_spec", '{"name":"s","specification":{"expected_spans":[{"__proto__":{"operation_name":"a"}}]}}'],
    ["execute_and_capture", '{"command":"node -e 0","env":{"__proto__":"x"}}'],
  ])("%s %s is refused: passed over, a filter would match everything", async (name, text) => {
    const { body } = await answerOf(name, parsed(text), contextOver(await twoTraces()));
    expect(body).toMatchObject({ error: { code: "usage", message: expect.stringContaining("__proto__") } });
  });

  test("is refused over the wire, too", async () => {
    await using client = await connected(await twoTraces());
    const { isError, text } = await client.call("search_traces", parsed('{"attributes":{"__proto__":"x"}}'));
    expect(isError).toBe(true);
    expect(text).toContain("__proto__");
  });

  test.each(["constructor", "prototype", "toString", "hasOwnProperty", "__defineGetter__"])(
    "%s is an attribute like any other",
    async (key) => {
      const store = await twoTraces();
      await store.append([span({ traceId: traceId(3), startNs: NOW - 1n, attributes: { [key]: "mine" } })]);
      const { body } = await answerOf("search_traces", { attributes: { [key]: "mine" } }, contextOver(store));
      expect(body).toMatchObject({ total: 1, traces: [{ traceId: traceId(3) }] });
      const { body: none } = await answerOf("search_traces", { attributes: { [key]: "other" } }, contextOver(store));
      expect(none).toMatchObject({ total: 0 });
    },
  );

  test.each(["__proto__", "constructor", "toString"])(
    "a specification, a service and a metric named %s",
    async (name) => {
      const context = contextOver(memoryStore());
      for (const [tool, args] of [
        ["get_trace_spec", { name }],
        ["query_metrics", { metric: name }],
      ] as const) {
        expect((await answerOf(tool, args, context)).body).toMatchObject({ error: { code: "not_found" } });
      }
      expect((await answerOf("get_traces", { service_name: name }, context)).body).toMatchObject({ total: 0 });
    },
  );
});

describe("times", () => {
  const taking = CATALOGUE.filter(({ input }) => "time_range" in input.shape).map(({ name, input }) => {
    const needs = { metric: "m", transaction_id: "t", spec_name: "s", service_name: "notes", limit: 1 };
    return [name, Object.fromEntries(Object.entries(needs).filter(([key]) => key in input.shape))] as const;
  });

  test.each(taking)("%s: a range that is none is refused before anything is read", async (name, args) => {
    const ranges = [
      "yesterday",
      "last_0_days",
      "-99999999d",
      { start: "2026-02-30T00:00:00Z" },
      { start: "-1h", end: "-2h" },
      { start: "-1h", end: "-1h" },
      { start: `-${"9".repeat(38)}d` },
      { strat: "-1h" },
      { start: 5 },
    ];
    for (const time_range of ranges) {
      const { body } = await answerOf(name, { ...args, time_range }, contextOver(await twoTraces()));
      const code = expect.stringMatching(/^(usage|not_found)$/) as unknown;
      expect({ time_range, body }).toMatchObject({ time_range, body: { error: { code } } });
    }
  });

  test.each(["get_traces", "list_services", "performance_report"])(
    "%s over all years that can be written",
    async (name) => {
      const time_range = { start: "0001-01-01T00:00:00Z", end: "9999-12-31T23:59:59Z" };
      const { body, isError } = await answerOf(name, { time_range }, contextOver(await twoTraces()));
      expect(isError).toBe(false);
      expect(body).toMatchObject({ returned: expect.any(Number) });
    },
  );

  test("a least duration beyond the greatest is refused", async () => {
    const args = { min_duration: "2s", max_duration: "1s" };
    const { body } = await answerOf("search_traces", args, contextOver(await twoTraces()));
    expect(body).toMatchObject({ error: { code: "usage", message: expect.stringContaining("2s") } });
  });
});
