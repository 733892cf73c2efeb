import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { buildTree } from "../../src/analyze/tree.ts";
import { checkPopulation } from "../../src/specs/check.ts";
import { describeTemplate } from "../../src/specs/parameters.ts";
import { requireSpec } from "../../src/specs/parse.ts";
import type { CheckResult } from "../../src/specs/result.ts";
import { toolCall, trace, type Plan } from "../analyze/population.ts";
import { changed, told } from "./traces.ts";

const textOf = (name: string): string => readFileSync(`specs/templates/${name}.yaml`, "utf8");

/** The answer of a template on some traces. */
function check(
  name: string,
  parameters: Readonly<Record<string, string | number>>,
  plans: readonly Plan[],
): CheckResult {
  const { spec } = requireSpec(textOf(name), name, { parameters });
  return checkPopulation(
    spec,
    plans.map((plan, n) => buildTree(trace(n, plan))),
  );
}

describe("mcp-tool-call", () => {
  const search = (ms: number, error?: string): Plan => toolCall("search", ms, error === undefined ? {} : { error });
  const calls = (...plans: readonly Plan[]) => check("mcp-tool-call", { tool: "search" }, plans);

  test("accepts calls as the proxy records them", () => {
    const result = calls(...Array.from({ length: 20 }, (_, n) => search(10 + n)));
    expect(result).toMatchObject({ verdict: "pass", traces: { matching: 20 } });
  });

  test("leaves calls of other tools out", () => {
    expect(calls(toolCall("other", 9_000))).toMatchObject({ verdict: "inconclusive", traces: { not_applicable: 1 } });
  });

  test.each([
    ["a slow call", [search(2_100)], ["p95_ms", "max_ms"]],
    ["many slow calls", [search(1_500), search(1_600), search(10)], ["p95_ms"]],
    ["too many errors", [search(10, "Timeout"), ...Array.from({ length: 20 }, () => search(10))], ["max_error_rate"]],
  ] as const)("%s", (_name, plans, clauses) => {
    const result = calls(...plans);
    expect(result.verdict).toBe("fail");
    expect(told(result).map((line) => line.split(".").at(-1))).toEqual([...clauses]);
  });

  test("an error without its type, and a call without its server span", () => {
    const untyped = calls(
      ...Array.from({ length: 200 }, (_, n) => (n === 0 ? { ...toolCall("search", 10), error: true } : search(10))),
    );
    expect(told(untyped)).toEqual(["condition_broken assertions[1].each"]);
    const client: Plan = { ...toolCall("search", 10), kind: "client", children: [] };
    expect(told(calls(client))).toEqual(["selection_too_small assertions[0].count"]);
    const misnamed: Plan = { ...toolCall("search", 10), name: "call", children: [] };
    expect(told(calls(misnamed))).toContain("condition_broken assertions[0].each[0]");
  });
});

describe("http-api", () => {
  const request = (attributes: Plan["attributes"] = {}, more: Partial<Plan> = {}): Plan => ({
    name: "GET /users/{id}",
    service: "web",
    kind: "server",
    at: 0,
    ms: 20,
    attributes: {
      "http.request.method": "GET",
      "http.route": "/users/{id}",
      "http.response.status_code": 200,
      ...attributes,
    },
    ...more,
  });
  const api = (plan: Plan, parameters: Record<string, string | number> = {}) =>
    check("http-api", { service: "web", ...parameters }, [plan]);

  test.each([
    ["a request", request(), []],
    ["a client error", request({ "http.response.status_code": 404 }), []],
    ["a server error", request({ "http.response.status_code": 503 }), ["condition_broken assertions[1].each"]],
    ["a slow request", request({}, { ms: 1_001 }), ["condition_broken assertions[3].each"]],
    ["a token in the query", request({ "url.query": "a=1&token=abc" }), ["selection_too_large assertions[2].count"]],
    [
      "a password in the URL",
      request({ "url.full": "https://me:secret@host/x" }),
      ["selection_too_large assertions[2].count"],
    ],
    ["a plain query", request({ "url.query": "page=2", "url.full": "https://host/x@y" }), []],
  ])("%s", (_name, plan, issues) => expect(told(api(plan))).toEqual(issues));

  test("what a request must say", () => {
    const { "http.response.status_code": _code, ...rest } = request().attributes ?? {};
    expect(told(api(request({}, { attributes: rest })))).toEqual([
      "condition_broken assertions[0].each[0]",
      "condition_broken assertions[1].each",
    ]);
    const { "http.route": _route, ...unrouted } = request().attributes ?? {};
    expect(told(api(request({}, { attributes: unrouted })))).toEqual(["condition_broken assertions[0].each[1]"]);
  });

  test("only the route that is asked for must not fail", () => {
    const failed = request({ "http.response.status_code": 500 });
    expect(told(api(failed, { route: "/orders/.*" }))).toEqual([]);
    expect(told(api(failed, { route: "/users/.*" }))).toEqual(["condition_broken assertions[1].each"]);
  });

  test("other services are left out", () => {
    expect(api(request({}, { service: "shop" })).traces.not_applicable).toBe(1);
  });
});

describe("database-access", () => {
  const query = (n: number, more: Partial<Plan> = {}): Plan => ({
    name: "SELECT users",
    service: "web",
    kind: "client",
    at: 1 + n,
    ms: 1,
    attributes: { "db.system.name": "postgresql", "db.operation.name": "SELECT" },
    ...more,
  });
  const handler = (...queries: readonly Plan[]): Plan => ({
    name: "handler",
    service: "web",
    at: 0,
    ms: 900,
    children: queries,
  });
  const db = (...queries: readonly Plan[]) => check("database-access", { system: "postgresql" }, [handler(...queries)]);

  test.each([
    ["queries", [query(0), query(1)], []],
    ["the older names", [query(0, { attributes: { "db.system": "postgresql", "db.statement": "SELECT 1" } })], []],
    [
      "a query that says nothing",
      [query(0, { attributes: { "db.system.name": "postgresql" } })],
      ["condition_broken assertions[0].each"],
    ],
    ["a failed query", [query(0, { error: "Deadlock" })], ["selection_too_large assertions[1].count"]],
    ["a slow query", [query(0, { ms: 251 })], ["condition_broken assertions[2].each"]],
    ["a query per row", Array.from({ length: 21 }, (_, n) => query(n)), ["selection_too_large assertions[3].count"]],
  ])("%s", (_name, queries, issues) => expect(told(db(...queries))).toEqual(issues));

  test("another database is left out", () => {
    expect(db(query(0, { attributes: { "db.system.name": "mysql" } })).traces.not_applicable).toBe(1);
  });

  test("the limits are parameters", () => {
    const plan = handler(...Array.from({ length: 5 }, (_, n) => query(n, { ms: 30 })));
    const result = check("database-access", { system: "postgresql", max_queries: 4, max_ms: 20 }, [plan]);
    expect(told(result)).toEqual(["selection_too_large assertions[3].count", "condition_broken assertions[2].each"]);
  });
});

describe("describeTemplate", () => {
  test("says what a template is for and what it asks for", () => {
    expect(describeTemplate(textOf("http-api"))).toMatchObject({
      description: expect.stringContaining("HTTP requests of one service"),
      parameters: [
        { name: "service", required: true, type: "string" },
        { name: "route", required: false, default: ".*" },
        { name: "max_ms", required: false, default: 1000 },
      ],
    });
  });

  test.each([
    ["no YAML", "a: ["],
    ["no mapping", "text"],
    ["wrong parameters", "name: x\nparameters: [a]\n"],
    ["no words", "name: x\ndescription: 5\n"],
  ])("of %s says nothing", (_name, text) => {
    expect(describeTemplate(text)).toEqual({ description: "", parameters: [] });
  });
});

test("a changed plan leaves the rest as it was", () => {
  const plan = toolCall("x", 5, {
    children: [
      { name: "a", at: 1, ms: 1 },
      { name: "b", at: 2, ms: 1 },
    ],
  });
  expect(changed(plan, { a: null }).children?.[0]?.children).toEqual([{ name: "b", at: 2, ms: 1, children: [] }]);
});
