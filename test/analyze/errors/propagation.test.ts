import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Call, callsOf } from "../../../src/analyze/calls.ts";
import { errorPaths, isOriginOfError } from "../../../src/analyze/errors/propagation.ts";
import { buildTree } from "../../../src/analyze/tree.ts";
import { anySpans } from "../arbitrary.ts";
import { span, spanIdOf, trace, type Plan } from "../population.ts";

/** Failed calls that an error reached, innermost first, by the definition. */
function victimsOf({ parent, end }: Call): Call[] {
  return parent?.failed === true && end <= parent.end ? [parent, ...victimsOf(parent)] : [];
}

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
    expect(victimsOf(path?.origin ?? never()).map(({ operation }) => operation)).toEqual(victims);
    expect(path?.reached).toBe(victims.length);
    expect(path?.outermost?.operation).toBe(victims.at(-1));
    expect(path?.handledBy?.operation).toBe(handledBy);
    expect(path).toMatchObject({ errorClass: "unreachable", errorType: "timeout" });
  });

  test("a child that fails after its caller did explains nothing", () => {
    const late: Plan = { name: "late", service: "db", at: 5, ms: 20, error: true };
    const paths = errorPaths(
      buildTree(trace(0, { name: "page", service: "web", at: 0, ms: 10, error: true, children: [late] })),
    );
    expect(paths.map(({ origin }) => origin.operation)).toEqual(["page", "late"]);
    expect(paths[1]).toMatchObject({ reached: 0, outermost: undefined, handledBy: { operation: "page" } });
  });

  test("property: every failed call is an origin or the victim of one, never both", () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const tree = buildTree(spans);
        const paths = errorPaths(tree);
        const victims = new Set(paths.flatMap(({ origin }) => victimsOf(origin)));
        for (const call of callsOf(tree)) {
          expect(call.failed).toBe(isOriginOfError(call) || victims.has(call));
          expect(isOriginOfError(call) && victims.has(call)).toBe(false);
        }
        for (const { origin, reached, outermost, handledBy } of paths) {
          const way = victimsOf(origin);
          expect([reached, outermost, handledBy]).toEqual([way.length, way.at(-1), (way.at(-1) ?? origin).parent]);
        }
      }),
    );
  });

  test("a comb of failed calls is walked once, not once for each tooth", () => {
    const length = 10_000;
    const comb = Array.from({ length: 2 * length }, (_, i) => {
      const parent = i % 2 === 0 ? i - 2 : i - 1;
      const above = parent < 0 ? {} : { parentSpanId: spanIdOf(parent) };
      return span({ spanId: spanIdOf(i), name: i % 2 === 0 ? "back" : "tooth", status: "error", ...above });
    });
    const paths = errorPaths(buildTree(comb));
    expect(paths).toHaveLength(length);
    expect(Math.max(...paths.map(({ reached }) => reached))).toBe(length);
    expect(paths.flatMap((path) => Object.values(path).filter(Array.isArray))).toEqual([]);
  });
});

function never(): never {
  throw new Error("there is no path");
}
