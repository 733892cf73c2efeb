import { Buffer } from "node:buffer";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { DEFAULT_TOKENS, LEAST_TOKENS, MOST_TOKENS } from "../../src/mcp/budget.ts";
import { CATALOGUE } from "../../src/mcp/catalogue.ts";
import { TOOLSETS } from "../../src/mcp/tool.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { traceId } from "../store/spans.ts";
import { answerOf, contextOver } from "./calling.ts";
import { ARGUMENTS, withNewName } from "./tool-arguments.ts";
import { HUGE_TRACE, hostileStore } from "./hostile-store.ts";

const tools = CATALOGUE.map((tool) => [tool.name, tool] as const);

describe.each(tools)("%s as it is declared", (name, tool) => {
  test("has names, title and a description that a model can read", () => {
    expect(name).toMatch(/^[a-z]+(_[a-z]+)+$/);
    expect(tool.title.length).toBeLessThanOrEqual(50);
    expect(tool.description.length).toBeGreaterThanOrEqual(60);
    expect(tool.description.length).toBeLessThanOrEqual(500);
    expect(TOOLSETS).toContain(tool.toolset);
    if (tool.alias !== undefined) expect(tools.map(([other]) => other)).not.toContain(tool.alias);
  });

  test("has schemas that are closed objects", () => {
    for (const schema of [z.toJSONSchema(tool.input, { io: "input" }), z.toJSONSchema(tool.output)]) {
      expect(schema).toMatchObject({ type: "object", additionalProperties: false });
    }
    const answer = z.toJSONSchema(tool.output).properties ?? {};
    expect(Object.keys(answer)).toEqual(expect.arrayContaining(["total", "returned", "truncated", "tokens"]));
    expect(JSON.stringify(z.toJSONSchema(tool.input, { io: "input" })).length).toBeLessThan(4_000);
  });

  test("does not contradict itself about its effects", () => {
    const { readOnly, destructive = false } = tool.effects;
    expect(readOnly && destructive).toBe(false);
  });

  test("has arguments to be tried with", () => {
    expect(ARGUMENTS[name]?.length ?? 0).toBeGreaterThan(0);
  });
});

/** What may not be in an answer: control and invisible characters, changes of direction, hidden comments. */
// oxlint-disable-next-line no-control-regex
const HARMFUL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069]|<!--/;

/** Every text of an answer, names of members included. */
function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return [...(Array.isArray(value) ? [] : Object.keys(value)), ...Object.values(value).flatMap(textsOf)];
}

type Answered = { readonly body: Record<string, unknown>; readonly text: string };

/** Whether the body is what the tool says that it answers. */
function expectHonest(name: string, { body, text }: Answered, maxTokens: number): void {
  const tool = CATALOGUE.find((each) => each.name === name);
  expect(tool?.output.safeParse(body).error?.issues ?? []).toEqual([]);
  const tokens = Math.ceil(Buffer.byteLength(text) / 4);
  expect({ name, tokens, ok: tokens <= maxTokens }).toEqual({ name, tokens, ok: true });
  expect(text.length).toBeLessThan(50_000);
  expect(body["tokens"]).toBeGreaterThanOrEqual(tokens);
  if (body["truncated"] === true) expect(body["omitted"] ?? body["nextCursor"]).toBeDefined();
  expect(
    textsOf(body)
      .filter((each) => HARMFUL.test(each))
      .map((each) => each.slice(0, 200)),
  ).toEqual([]);
}

describe("on a hostile store", () => {
  let store: Store;
  beforeAll(async () => {
    store = await hostileStore();
  }, 120_000);

  const cases = Object.entries(ARGUMENTS).flatMap(([name, list]) => list.map((args) => ({ name, args })));
  test.each(
    cases.flatMap((each) => [LEAST_TOKENS, DEFAULT_TOKENS, MOST_TOKENS].map((maxTokens) => ({ ...each, maxTokens }))),
  )(
    "$name within $maxTokens tokens: $args",
    async ({ name, args, maxTokens }) => {
      const { body, text, isError } = await answerOf(
        name,
        { ...withNewName(args), max_tokens: maxTokens },
        contextOver(store),
      );
      expect({ name, isError, text: isError ? text : "" }).toEqual({ name, isError: false, text: "" });
      expectHonest(name, { body, text }, maxTokens);
    },
    60_000,
  );
});

test("a trace of 200,000 spans is shown within the budget", async () => {
  const context = contextOver(await hostileStore(200_000));
  for (const name of ["get_trace_by_id", "analyze_trace_structure"]) {
    const { body, text } = await answerOf(name, { trace_id: HUGE_TRACE }, context);
    expect(body).toMatchObject({ spanCount: 200_000 });
    expectHonest(name, { body, text }, DEFAULT_TOKENS);
  }
}, 120_000);

describe("on an empty store", () => {
  const cases = Object.entries(ARGUMENTS).flatMap(([name, list]) => list.map((args) => ({ name, args })));
  test.each(cases)("$name answers helpfully: $args", async ({ name, args }) => {
    const { body, text, isError } = await answerOf(name, withNewName(args), contextOver(memoryStore()));
    if (isError) expect(body).toMatchObject({ error: { code: expect.any(String), remedy: expect.any(String) } });
    else expectHonest(name, { body, text }, DEFAULT_TOKENS);
    const reads = CATALOGUE.find((tool) => tool.name === name)?.effects.readOnly;
    if (reads === true) expect(text).toMatch(/hint|notes|remedy/);
  });
});

describe("on bad arguments", () => {
  const taking = (argument: string) => CATALOGUE.filter(({ input }) => argument in input.shape).map(({ name }) => name);
  const base = (name: string): Record<string, unknown> => ARGUMENTS[name]?.[0] ?? {};

  test.each(taking("trace_id"))("%s of an unknown trace", async (name) => {
    const { body } = await answerOf(
      name,
      { ...base(name), trace_id: traceId(77) },
      contextOver(await hostileStore(10)),
    );
    expect(body).toMatchObject({ error: { code: "not_found", remedy: expect.stringContaining("search_traces") } });
  });

  test.each(taking("trace_id"))("%s of an id that is none", async (name) => {
    const { body } = await answerOf(name, { ...base(name), trace_id: "../x" }, contextOver(memoryStore()));
    expect(body).toMatchObject({ error: { code: "usage", message: expect.stringContaining("trace_id") } });
  });

  const reversed = { start: "2026-01-02T00:00:00Z", end: "2026-01-01T00:00:00Z" };
  test.each(taking("time_range"))("%s of a reversed time range", async (name) => {
    const { trace_id: _id, ...args } = base(name);
    const { body } = await answerOf(name, { ...args, time_range: reversed }, contextOver(memoryStore()));
    expect(body).toMatchObject({ error: { code: "usage", message: expect.stringContaining("reversed") } });
  });

  test.each(taking("cursor"))("%s of a foreign cursor", async (name) => {
    const args = { ...base(name), cursor: "made up" };
    const { body } = await answerOf(name, args, contextOver(await hostileStore(10)));
    expect(body).toMatchObject({ error: { code: "usage", message: expect.stringContaining("cursor") } });
  });

  test.each(tools.map(([name]) => name))("%s with an argument that it does not know", async (name) => {
    const { body } = await answerOf(name, { ...base(name), nonsense: 1 }, contextOver(memoryStore()));
    expect(body).toMatchObject({ error: { code: "usage", message: expect.stringContaining("nonsense") } });
  });
});
