import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { buildTree, type SpanNode } from "../../../src/analyze/tree.ts";
import { matchContext } from "../../../src/specs/match/context.ts";
import { childrenOf, poolOf, WHOLE_TRACE } from "../../../src/specs/match/pool.ts";
import { matchTrace } from "../../../src/specs/match/scope.ts";
import { requireSpec } from "../../../src/specs/parse.ts";
import type { SpanRule } from "../../../src/specs/spec.ts";
import { indexTrace } from "../../../src/specs/trace-index.ts";
import { anySpans } from "../../analyze/arbitrary.ts";
import { span, spanIdOf } from "../../analyze/population.ts";

const NAMES = ["a", "b", "c"] as const;
type Expected = {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly relation: "child" | "descendant";
  readonly children: readonly Expected[];
};

const expectedAt = (depth: number): fc.Arbitrary<Expected> =>
  fc.record({
    name: fc.constantFrom(...NAMES, "[ab]"),
    min: fc.nat(2),
    max: fc.integer({ min: 2, max: 3 }),
    relation: fc.constantFrom("child", "descendant"),
    children: depth === 0 ? fc.constant([]) : fc.array(expectedAt(depth - 1), { maxLength: 2 }),
  });

const yamlOf = (expected: Expected, top: boolean): string => {
  const relation = top ? "" : `, relation: ${expected.relation}`;
  const children = expected.children.map((child) => yamlOf(child, false)).join(", ");
  return `{ operation_name: { matches: "${expected.name}" }, count: ${expected.min}..${expected.max}${relation}, children: [${children}] }`;
};

const specOf = (list: readonly Expected[]) =>
  requireSpec(`name: s\nexpected_spans: [${list.map((expected) => yamlOf(expected, true)).join(", ")}]\n`, "s").spec;

/** A small trace: names, and of each span but the first which earlier one it is under. */
const small = (most: number) =>
  fc.array(fc.tuple(fc.constantFrom(...NAMES), fc.nat()), { minLength: 1, maxLength: most }).map((parts) =>
    parts.map(([name, choice], i) =>
      span({
        spanId: spanIdOf(i),
        ...(i > 0 && { parentSpanId: spanIdOf(choice % i) }),
        name,
        startNs: 1_763_000_000_000_000_000n + BigInt(i * 1000),
      }),
    ),
  );

const fits = (rule: SpanRule, node: SpanNode): boolean =>
  rule.name.kind === "condition" &&
  new RegExp(`^${/"matches":"([^"]*)"/.exec(rule.name.text)?.[1]}$`).test(node.span.name);
const above = (node: SpanNode): SpanNode[] => (node.parent === undefined ? [] : [node.parent, ...above(node.parent)]);

describe("matching", () => {
  test("gives every span at most once, to a rule that it fits, in its place, never more than it may have", () => {
    fc.assert(
      fc.property(fc.array(expectedAt(2), { minLength: 1, maxLength: 3 }), anySpans, (list, spans) => {
        const index = indexTrace(buildTree(spans));
        const context = matchContext(specOf(list), index);
        const { scopes } = matchTrace(context);
        const taken = new Map<number, SpanRule>();
        for (const { within, rules, spans: found } of scopes) {
          for (const rule of rules) {
            const positions = found.get(rule) ?? [];
            expect(positions.length).toBeLessThanOrEqual(rule.count.max);
            expect(positions).toEqual([...positions].sort((a, b) => a - b));
            for (const at of positions) {
              const node = index.nodes[at]!;
              expect(taken.has(at)).toBe(false);
              taken.set(at, rule);
              expect(fits(rule, node)).toBe(true);
              const over = index.nodes[within];
              if (rule.relation === "child") expect(node.parent).toBe(over);
              if (rule.relation === "descendant") expect(above(node)).toContain(over);
            }
          }
        }
        for (const [at, number] of context.claimed.entries()) expect(taken.get(at)?.number ?? -1).toBe(number);
      }),
    );
  });

  /** Fewest spans that are missing over every way to give the spans of a flat list to the rules. */
  function fewestMissing(rules: readonly SpanRule[], nodes: readonly SpanNode[]): number {
    const counts = new Map<SpanRule, number>();
    const missing = (): number =>
      rules.reduce((sum, rule) => sum + Math.max(0, rule.count.min - (counts.get(rule) ?? 0)), 0);
    const give = (i: number): number => {
      const node = nodes[i];
      if (node === undefined) return missing();
      let best = give(i + 1);
      for (const rule of rules) {
        const count = counts.get(rule) ?? 0;
        if (!fits(rule, node) || count >= rule.count.max) continue;
        counts.set(rule, count + 1);
        best = Math.min(best, give(i + 1));
        counts.set(rule, count);
      }
      return best;
    };
    return give(0);
  }

  test("leaves as few flat expectations missing as any way of giving out the spans", () => {
    fc.assert(
      fc.property(fc.array(expectedAt(0), { minLength: 1, maxLength: 3 }), small(6), (list, spans) => {
        const index = indexTrace(buildTree(spans));
        const spec = specOf(list);
        const { scopes, exact } = matchTrace(matchContext(spec, index));
        const found = scopes[0]?.spans;
        const missing = spec.spans.reduce(
          (sum, rule) => sum + Math.max(0, rule.count.min - (found?.get(rule) ?? []).length),
          0,
        );
        expect({ exact, missing }).toEqual({ exact: true, missing: fewestMissing(spec.spans, index.nodes) });
      }),
      { numRuns: 300 },
    );
  });

  test("stops when there is too much to compare", () => {
    const spec = specOf([
      {
        name: "a",
        min: 0,
        max: 3,
        relation: "child",
        children: [{ name: "b", min: 1, max: 3, relation: "descendant", children: [] }],
      },
    ]);
    const spans = Array.from({ length: 50 }, (_, i) =>
      span({ spanId: spanIdOf(i), ...(i > 0 && { parentSpanId: spanIdOf(i - 1) }), name: i % 2 === 0 ? "a" : "b" }),
    );
    const context = matchContext(spec, indexTrace(buildTree(spans)), 10);
    matchTrace(context);
    expect(context.exhausted()).toBe(true);
  });
});

describe("pools", () => {
  test("hold the spans of the place that fit and are free", () => {
    const list: Expected[] = [
      {
        name: "[ab]",
        min: 0,
        max: 2,
        relation: "child",
        children: [
          { name: "b", min: 0, max: 2, relation: "child", children: [] },
          { name: "b", min: 0, max: 2, relation: "descendant", children: [] },
        ],
      },
    ];
    const spec = specOf(list);
    const [top] = spec.spans;
    fc.assert(
      fc.property(anySpans, fc.array(fc.nat(40)), (spans, claims) => {
        const index = indexTrace(buildTree(spans));
        const context = matchContext(spec, index);
        for (const at of claims) if (at < index.nodes.length) context.claimed[at] = 0;
        const free = (node: SpanNode): boolean => context.claimed[index.nodes.indexOf(node)] === -1;
        const [child, descendant] = top?.children ?? [];
        expect(poolOf(context, top!, WHOLE_TRACE).map((at) => index.nodes[at])).toEqual(
          index.nodes.filter((node) => fits(top!, node) && free(node)),
        );
        for (const [at, node] of index.nodes.entries()) {
          const under = poolOf(context, descendant!, at).map((below) => index.nodes[below]);
          expect(under).toEqual(
            index.nodes.filter((other) => above(other).includes(node) && fits(descendant!, other) && free(other)),
          );
          const direct = poolOf(context, child!, at).map((below) => index.nodes[below]);
          expect(direct).toEqual(
            index.nodes.filter((other) => other.parent === node && fits(child!, other) && free(other)),
          );
          expect(childrenOf(index, at).map((below) => index.nodes[below])).toEqual(node.children);
        }
      }),
    );
  });
});
