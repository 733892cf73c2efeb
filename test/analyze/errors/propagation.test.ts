import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { callsOf } from "../../../src/analyze/calls.ts";
import { errorPaths, errorsByOperation, isOriginOfError } from "../../../src/analyze/errors/propagation.ts";
import { buildTree, groupTraces } from "../../../src/analyze/tree.ts";
import { anySpans } from "../arbitrary.ts";
import { repeat, trace, type Plan } from "../population.ts";

/** page → list → query, of which the query fails; how far up the error goes is given. */
const shop = (upTo: "query" | "list" | "page"): Plan => ({
  name: "page",
  service: "web",
  at: 0,
  ms: 10,
  error: upTo === "page",
  children: [
    {
      name: "list",
      service: "api",
      at: 1,
      ms: 8,
      error: upTo !== "query",
      children: [{ name: "query", service: "db", at: 2, ms: 5, error: "timeout" }],
    },
  ],
});

describe("errorPaths", () => {
  test.each([
    ["query", [], "list"],
    ["list", ["list"], "page"],
    ["page", ["list", "page"], undefined],
  ] as const)("an error that goes up to the %s has the victims %j and stops at %s", (upTo, victims, handledBy) => {
    const [path, ...rest] = errorPaths(buildTree(trace(0, shop(upTo))));
    expect(rest).toEqual([]);
    expect(path?.origin.operation).toBe("query");
    expect(path?.victims.map(({ operation }) => operation)).toEqual(victims);
    expect(path?.handledBy?.operation).toBe(handledBy);
    expect(path).toMatchObject({ errorClass: "unreachable", errorType: "timeout" });
  });

  test("a child that fails after its caller did explains nothing", () => {
    const late: Plan = { name: "late", service: "db", at: 5, ms: 20, error: true };
    const paths = errorPaths(
      buildTree(trace(0, { name: "page", service: "web", at: 0, ms: 10, error: true, children: [late] })),
    );
    expect(paths.map(({ origin }) => origin.operation)).toEqual(["page", "late"]);
    expect(paths[1]?.victims).toEqual([]);
  });

  test("property: every failed call is an origin or the victim of one, never both", () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const tree = buildTree(spans);
        const paths = errorPaths(tree);
        const victims = new Set(paths.flatMap((path) => path.victims));
        for (const call of callsOf(tree)) {
          expect(call.failed).toBe(isOriginOfError(call) || victims.has(call));
          expect(isOriginOfError(call) && victims.has(call)).toBe(false);
        }
      }),
    );
  });
});

describe("errorsByOperation", () => {
  test("origins by class, victims with their causes", () => {
    const traces = groupTraces(repeat(6, (i) => shop(i < 2 ? "query" : "page")));
    expect(errorsByOperation(traces)).toEqual([
      { service: "db", operation: "query", calls: 6, origins: { unreachable: 6 }, victims: 0, causes: [] },
      {
        service: "api",
        operation: "list",
        calls: 6,
        origins: {},
        victims: 4,
        causes: [{ service: "db", operation: "query", count: 4 }],
      },
      {
        service: "web",
        operation: "page",
        calls: 6,
        origins: {},
        victims: 4,
        causes: [{ service: "db", operation: "query", count: 4 }],
      },
    ]);
    expect(errorsByOperation([])).toEqual([]);
  });
});
