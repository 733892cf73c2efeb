import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { callsByOperation, callsOf, isEntry, type Call } from "../../src/analyze/calls.ts";
import { buildTree, groupTraces } from "../../src/analyze/tree.ts";
import { anySpans } from "./arbitrary.ts";
import { inSequence, repeat, toolCall, trace, type Plan } from "./population.ts";

const calls = (plan: Plan): readonly Call[] => callsOf(buildTree(trace(0, plan)));
const outline = (plan: Plan): string[] =>
  calls(plan).map(({ operation, nodes, parent }) => `${parent?.operation ?? "-"} > ${operation} (${nodes.length})`);

describe("callsOf", () => {
  test("a proxy's SERVER and CLIENT span are one call, and so is the server's own SERVER span behind them", () => {
    const behind = toolCall("search_notes", 9, { children: inSequence("read", 1) });
    const inner = { ...behind, children: behind.children?.[0]?.children ?? [] };
    expect(outline(toolCall("search_notes", 10, { children: [inner] }))).toEqual([
      "- > tools/call search_notes (3)",
      "tools/call search_notes > read (1)",
    ]);
  });

  test("it is as long as its outermost span, and failed when that did", () => {
    const refused = toolCall("get", 10, { error: "-32602" });
    expect(calls(refused)).toMatchObject([{ failed: true, start: 0, end: 10e6 }]);
    expect(calls({ ...refused, error: false })).toMatchObject([{ failed: false, nodes: [{}, {}] }]);
  });

  test("two CLIENT spans of the name below a SERVER span are two calls", () => {
    const client = { name: "get", kind: "client" as const, ms: 2 };
    const plan: Plan = {
      name: "get",
      kind: "server",
      at: 0,
      ms: 10,
      children: [
        { ...client, at: 1 },
        { ...client, at: 5 },
      ],
    };
    expect(outline(plan)).toEqual(["- > get (1)", "get > get (1)", "get > get (1)"]);
  });

  test.each<[string, Partial<Plan>]>([
    ["another service", { service: "other" }],
    ["another name", { name: "post" }],
    ["no hop between kinds", { kind: "internal" }],
  ])("%s is another call", (_, change) => {
    const child: Plan = { name: "get", kind: "client", at: 0, ms: 1, ...change };
    expect(calls({ name: "get", kind: "server", at: 0, ms: 1, children: [child] })).toHaveLength(2);
  });

  test("entries are roots and MCP requests at their server, not what is inside", () => {
    const request = toolCall("get", 5, { children: inSequence("read", 1) });
    const plan: Plan = { name: "agent", service: "agent", at: 0, ms: 9, children: [request] };
    expect(
      calls(plan)
        .filter(isEntry)
        .map(({ operation }) => operation),
    ).toEqual(["agent", "tools/call get"]);
  });

  test("property: every span belongs to exactly one call, and callers come before what they call", () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const tree = buildTree(spans);
        const found = callsOf(tree);
        expect(new Set(found.flatMap(({ nodes }) => nodes)).size).toBe(tree.nodes.length);
        expect(found.flatMap(({ nodes }) => nodes)).toHaveLength(tree.nodes.length);
        for (const [i, { parent }] of found.entries()) {
          if (parent !== undefined) expect(found.indexOf(parent)).toBeLessThan(i);
        }
      }),
    );
  });
});

test("callsByOperation keeps services apart", () => {
  const spans = ["a", "b"].flatMap((service, i) => repeat(2, () => ({ name: "op", service, at: 0, ms: 1 }), i * 2));
  const found = [...callsByOperation(groupTraces(spans)).values()];
  expect(found.map((list) => list.map(({ service }) => service))).toEqual([
    ["a", "a"],
    ["b", "b"],
  ]);
});
