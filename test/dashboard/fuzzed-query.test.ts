import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import nock from "nock";
import { Problem } from "../../src/dashboard/problem.ts";
import type { Route } from "../../src/dashboard/route.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { gauge, pointAt } from "../store/points.ts";
import { spanSet } from "../store/spans.ts";
import { runningApi, type RunningApi } from "./running.ts";

nock.restore();

type Parameter = { readonly name: string; readonly in: string; readonly schema: Record<string, unknown> };
type Described = { readonly paths: Record<string, Record<string, { readonly parameters: readonly Parameter[] }>> };

let running: RunningApi;
let key = "";
let document: Described;
let routes: readonly Route[] = [];
beforeAll(async () => {
  const store = memoryStore();
  for (const spans of fc.sample(spanSet, { numRuns: 10, seed: 7 })) await store.append(spans);
  await store.metrics.append([pointAt(gauge({ name: "cpu" }), 0, 1)]);
  const unlimited = { limit: 1e9, windowMs: 1_000 };
  running = await runningApi({ store, limits: { requests: unlimited, attempts: unlimited } });
  key = await running.key();
  document = (await (await running.get("/openapi.json")).json()) as Described;
  routes = running.api.routes.filter(({ method, answer }) => method === "GET" && answer.isStream !== true);
});
afterAll(async () => running[Symbol.asyncDispose]());

const HOSTILE = [
  "",
  " ",
  "0",
  "-1",
  "1",
  "1000",
  "1001",
  "1.5",
  "1e2",
  "0x10",
  "NaN",
  "Infinity",
  "+5",
  " 5",
  "٣",
  "9".repeat(400),
  "error",
  "ERROR",
  "rate",
  "quantile",
  "gauge",
  "a=b",
  "=",
  "__proto__=1",
  "-15m",
  "now",
  "2020-01-01T00:00:00Z",
  "2020-13-45T99:99:99Z",
  "-99999999999999999999h",
  "10ms",
  "-10ms",
  "1e400s",
  "x".repeat(2_001),
  "' OR 1=1 --",
  "%",
  "_",
  "\u0000",
  "\uD800",
  "\u202E",
  "<script>",
  "{}",
  "[]",
  "true",
  "null",
  "W10",
  "eyJhIjoxfQ",
];
/** Parameters whose form is more than their schema says. */
const FURTHER = ["attr", "since", "until", "minDuration", "maxDuration", "cursor", "step"];

const parametersOf = ({ method, path }: Route): readonly Parameter[] =>
  document.paths[`/api/v1${path}`]?.[method.toLowerCase()]?.parameters ?? [];

const ajv = new Ajv2020({ strict: false });

/** Whether a list of texts is what the document says of a parameter. */
function conforms({ schema }: Parameter, values: readonly string[]): boolean {
  if (schema["type"] === "array") return ajv.validate(schema, values);
  const [text = ""] = values;
  if (values.length !== 1) return false;
  const isNumber = schema["type"] === "integer" || schema["type"] === "number";
  if (!isNumber) return ajv.validate(schema, text);
  return /^\d{1,15}(\.\d{1,15})?$/.test(text) && ajv.validate(schema, Number(text));
}

const anyText = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...HOSTILE) }, fc.string({ unit: "binary" }));
const anyQuery = fc.array(fc.tuple(fc.nat(30), anyText), { maxLength: 4 });

/** A query of a route: its own parameters, one that it lacks now and then. */
function queryOf(route: Route, choices: readonly (readonly [number, string])[]): [string, string][] {
  const names = [
    ...parametersOf(route)
      .filter((one) => one.in === "query")
      .map(({ name }) => name),
    "nothing",
  ];
  return choices.map(([at, text]) => [names[at % names.length] ?? "", text.toWellFormed()]);
}

async function expectKept(route: Route, query: readonly (readonly [string, string])[]): Promise<void> {
  const path = route.path.replace("{id}", "1".repeat(32)).replace("{name}", "cpu");
  const search = new URLSearchParams(query.map(([name, value]): [string, string] => [name, value]));
  const response = await running.get(`${path}?${search.toString()}`, key);
  const body: unknown = await response.json();
  expect(running.errors).toEqual([]);
  if (response.status === 414) return;
  const byName = Map.groupBy(query, ([name]) => name);
  const parameters = parametersOf(route);
  const bad = [...byName].filter(([name, given]) => {
    const parameter = parameters.find((one) => one.name === name);
    return (
      parameter === undefined ||
      !conforms(
        parameter,
        given.map(([, value]) => value),
      )
    );
  });
  if (bad.length > 0) expect([route.path, query, response.status]).toEqual([route.path, query, 400]);
  if (response.status === 200) expect(route.answer.schema.safeParse(body).success).toBe(true);
  else expect(Problem.parse(body)).toMatchObject({ status: response.status });
  const isPlain = [...byName.keys()].every((name) => !FURTHER.includes(name));
  const allowed = bad.length === 0 && isPlain ? [200, 400, 404] : [200, 400, 404, 409];
  expect(allowed).toContain(response.status);
  const needsMore = route.path.includes("{");
  if (bad.length === 0 && isPlain && !needsMore)
    expect([route.path, query, response.status]).toEqual([route.path, query, 200]);
}

describe("queries", () => {
  test("every hostile value of every parameter is answered as the document says, never with a fault", async () => {
    for (const route of routes) {
      for (const { name } of parametersOf(route).filter((one) => one.in === "query")) {
        await Promise.all(HOSTILE.map((text) => expectKept(route, [[name, text.toWellFormed()]])));
      }
    }
  }, 180_000);

  test("so are several at once, repeated or unknown", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(20), anyQuery, async (at, choices) => {
        const route = routes[at % routes.length];
        if (route !== undefined) await expectKept(route, queryOf(route, choices));
      }),
      { numRuns: 300 },
    );
  }, 180_000);

  test.each([
    "a\u0000b",
    "..",
    "%00",
    "x".repeat(1_001),
    "<b>",
    "\uFFFD",
    "z".repeat(32),
    "0".repeat(32),
    "A".repeat(32),
  ])("the parameter of a path %j is looked up or refused", async (text) => {
    for (const path of ["/traces/", "/metrics/"]) {
      const response = await running.get(path + encodeURIComponent(text), key);
      expect([200, 400, 404]).toContain(response.status);
      expect((await response.text()).length).toBeLessThan(5_000);
    }
    expect(running.errors).toEqual([]);
  });

  test.each([
    ["/metrics/cpu?aggregation=quantile&quantile=", 400],
    ["/metrics/cpu?aggregation=avg&quantile=%20", 400],
    ["/traces?limit=", 400],
    ["/traces?limit=0x10", 400],
    ["/traces?limit=1e2", 400],
    ["/traces?limit=1.5", 400],
    ["/traces?limit=7.0", 200],
    ["/traces?limit=007", 200],
  ])("a number is a number: %s is %d", async (path, status) => {
    expect((await running.get(path, key)).status).toBe(status);
  });
});

describe("pages", () => {
  test.each([1, 2, 7])("of %d have every operation and service once, in the order of the whole list", async (limit) => {
    for (const [path, list] of [
      ["/operations", "operations"],
      ["/services", "services"],
    ] as const) {
      const window = "since=1900-01-01T00:00:00Z&until=2200-01-01T00:00:00Z";
      const ask = async (more: string) =>
        (await (await running.get(`${path}?${window}&${more}`, key)).json()) as Record<string, unknown>;
      const whole = (await ask("limit=1000"))[list] as unknown[];
      const paged: unknown[] = [];
      let cursor = "";
      for (let n = 0; n <= whole.length; n += 1) {
        const page = await ask(`limit=${limit}${cursor}`);
        paged.push(...(page[list] as unknown[]));
        if (typeof page["nextCursor"] !== "string") break;
        cursor = `&cursor=${page["nextCursor"]}`;
      }
      expect(paged).toEqual(whole);
      expect(whole.length).toBeGreaterThan(1);
    }
  });
});
