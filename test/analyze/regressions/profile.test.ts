import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { pairOf, profileOf, type Profile } from "../../../src/analyze/regressions/profile.ts";
import { buildTree } from "../../../src/analyze/tree.ts";
import { anySpans } from "../arbitrary.ts";
import { trace, type Plan } from "../population.ts";

const profile = (...plans: readonly Plan[]): Profile => profileOf(plans.map((plan, i) => buildTree(trace(i, plan))));
const key = (name: string, kind = "internal", service = "notes"): string => JSON.stringify([service, name, kind]);
const first = <T>(byTrace: ReadonlyMap<unknown, T> | undefined): T | undefined => byTrace?.values().next().value;

describe("profileOf", () => {
  const one: Plan = {
    name: "tool",
    kind: "server",
    at: 0,
    ms: 100,
    children: [
      { name: "read", at: 0, ms: 10 },
      { name: "read", at: 20, ms: 10, error: true },
      { name: "write", at: 40, ms: 10 },
      { name: "log", at: 45, ms: 10 },
    ],
  };

  test("calls, durations and errors per trace", () => {
    const { operations, units, spans } = profile(one, one);
    expect(units).toHaveLength(2);
    expect(spans).toBe(10);
    expect(operations.get(key("read"))?.size).toBe(2);
    expect(first(operations.get(key("read")))).toEqual({ durationsMs: [10, 10], errors: 1 });
  });

  test("who calls whom and how often", () => {
    const { edges } = profile(one);
    const ofTool = edges.get(key("tool", "server"));
    expect(first(ofTool?.get(key("read")))).toEqual({ withChild: 1, children: 2 });
    expect(first(ofTool?.get(key("write")))).toEqual({ withChild: 1, children: 1 });
  });

  test("what ended before what began; at the same time is neither", () => {
    const { pairs } = profile(one);
    const seen = [...(pairs.get(key("tool", "server")) ?? [])].map(([pair, byTrace]) => [
      ...pairOf(pair),
      first(byTrace),
    ]);
    expect(seen).toEqual(
      expect.arrayContaining([
        [key("log"), key("read"), { both: 1, forward: 0, backward: 1 }],
        [key("log"), key("write"), { both: 1, forward: 0, backward: 0 }],
        [key("read"), key("write"), { both: 1, forward: 1, backward: 0 }],
      ]),
    );
  });

  test("the first root is the kind of the trace, its greatest stated weight that of the trace", () => {
    const sampled: Plan = { ...one, attributes: { "whetstone.sample_weight": 20 } };
    expect(profile(sampled).units).toEqual([{ weight: 20, stratum: key("tool", "server") }]);
    expect(profile(one).units[0]?.weight).toBe(1);
  });

  test("service, name and kind tell operations apart", () => {
    const other: Plan = {
      ...one,
      children: [
        { name: "read", at: 0, ms: 1, kind: "client" },
        { name: "read", at: 2, ms: 1, service: "store" },
      ],
    };
    const { operations } = profile(other);
    expect([...operations.keys()].toSorted()).toEqual(
      [key("tool", "server"), key("read", "client"), key("read", "internal", "store")].toSorted(),
    );
  });

  test("every span of any traces is counted once, in any order", () => {
    fc.assert(
      fc.property(fc.array(anySpans, { minLength: 1, maxLength: 4 }), (all) => {
        const trees = all.map((spans, i) =>
          buildTree(spans.map((span) => ({ ...span, traceId: (i + 1).toString(16).padStart(32, "0") }))),
        );
        const { operations, spans, edges } = profileOf(trees);
        const calls = [...operations.values()].flatMap((byTrace) => [...byTrace.values()]);
        const total = trees.reduce((sum, { nodes }) => sum + nodes.length, 0);
        expect(calls.reduce((sum, { durationsMs }) => sum + durationsMs.length, 0)).toBe(total);
        expect(spans).toBe(total);
        const children = [...edges.values()]
          .flatMap((of) => [...of.values()])
          .flatMap((byTrace) => [...byTrace.values()]);
        const roots = trees.reduce((sum, tree) => sum + tree.roots.length, 0);
        expect(children.reduce((sum, edge) => sum + edge.children, 0)).toBe(total - roots);
        expect(profileOf(trees.toReversed())).toEqual(profileOf(trees));
      }),
    );
  });
});
