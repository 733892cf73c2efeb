import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { dependencyMap } from "../../src/analyze/dependencies.ts";
import { groupTraces } from "../../src/analyze/tree.ts";
import { anySpans } from "./arbitrary.ts";
import { repeat, type Plan } from "./population.ts";

/** web → (client span) → api → (client span, by name only) → postgres; api fails in every fourth trace because its query does. */
const shop = (i: number): Plan => {
  const error = i % 4 === 0 && "deadlock";
  const query: Plan = {
    name: "SELECT",
    service: "api",
    kind: "client",
    at: 3,
    ms: 2 + i,
    error,
    attributes: { "db.system.name": "postgres" },
  };
  const serve: Plan = { name: "serve", service: "api", kind: "server", at: 2, ms: 5 + i, error, children: [query] };
  const call: Plan = { name: "GET", service: "web", kind: "client", at: 1, ms: 7 + i, error, children: [serve] };
  return { name: "page", service: "web", kind: "server", at: 0, ms: 10 + i, children: [call] };
};

describe("dependencyMap", () => {
  const traces = groupTraces(repeat(8, shop));

  test("services: each call once, at its callee; what only a name tells is external", () => {
    const { nodes, edges } = dependencyMap(traces);
    expect(nodes).toEqual([
      { service: "api", calls: 8, errors: 2, errorsBegun: 0, entries: 0, external: false },
      { service: "postgres", calls: 8, errors: 2, errorsBegun: 2, entries: 0, external: true },
      { service: "web", calls: 8, errors: 0, errorsBegun: 0, entries: 8, external: false },
    ]);
    expect(edges).toHaveLength(2);
    // Lengths of `serve`: 5 to 12 ms; the traces begin a second apart, the last takes 17 ms.
    expect(edges[0]).toMatchObject({
      from: { service: "api" },
      to: { service: "postgres" },
      calls: 8,
      errors: 2,
      errorRate: 0.25,
      callsPerTrace: 1,
    });
    expect(edges[1]).toMatchObject({ from: { service: "web" }, to: { service: "api" }, p50Ms: 8.5, errors: 2 });
    expect(edges[1]?.p95Ms).toBeCloseTo(11.65, 6);
    expect(edges[1]?.perSecond).toBeCloseTo(8 / 7.017, 6);
  });

  test("operations: client spans are operations of their caller", () => {
    const { edges } = dependencyMap(traces, "operation");
    const pairs = edges.map(({ from, to }) => `${from.service}/${from.operation} > ${to.service}/${to.operation}`);
    expect(pairs.sort()).toEqual(["api/serve > api/SELECT", "web/GET > api/serve", "web/page > web/GET"]);
  });

  test("no traces, no map", () => {
    expect(dependencyMap([])).toEqual({ level: "service", nodes: [], edges: [] });
  });

  test("property: calls add up: every call is an entry or an edge, in any order of the traces", () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const trees = groupTraces(spans);
        const map = dependencyMap(trees, "operation");
        const calls = map.nodes.reduce((total, node) => total + node.calls, 0);
        const entries = map.nodes.reduce((total, node) => total + node.entries, 0);
        expect(calls).toBe(entries + map.edges.reduce((total, edge) => total + edge.calls, 0));
        for (const { errors, calls: all, p50Ms, p95Ms } of map.edges) {
          expect(errors).toBeLessThanOrEqual(all);
          expect(p50Ms).toBeLessThanOrEqual(p95Ms);
        }
        expect(dependencyMap(groupTraces(spans.toReversed()), "operation")).toEqual(map);
      }),
    );
  });
});
