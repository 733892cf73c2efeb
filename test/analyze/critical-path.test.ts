import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { criticalPath } from "../../src/analyze/critical-path.ts";
import { buildTree, type SpanNode, type TraceTree } from "../../src/analyze/tree.ts";
import { anySpans, nestedSpans } from "./arbitrary.ts";
import { inSequence, span, spanIdOf, trace, type Plan } from "./population.ts";

/** `name from–to` in ms, in order of time. */
const pathOf = (plan: Plan): string[] =>
  criticalPath(buildTree(trace(0, plan))).map((s) => `${s.node.span.name} ${s.start / 1e6}-${s.end / 1e6}`);

describe("criticalPath", () => {
  test("of siblings side by side only the last to finish counts", () => {
    const path = pathOf({
      name: "root",
      at: 0,
      ms: 10,
      children: [
        { name: "quick", at: 1, ms: 3 },
        { name: "slow", at: 1, ms: 8 },
      ],
    });
    expect(path).toEqual(["root 0-1", "slow 1-9", "root 9-10"]);
  });

  test("a sibling that had not ended when the last one began did not hold it up", () => {
    const path = pathOf({
      name: "root",
      at: 0,
      ms: 10,
      children: [
        { name: "beside", at: 1, ms: 5 },
        { name: "last", at: 4, ms: 5 },
      ],
    });
    expect(path).toEqual(["root 0-4", "last 4-9", "root 9-10"]);
  });

  test("siblings in sequence all count, with their parent's time between them", () => {
    const path = pathOf({
      name: "root",
      at: 0,
      ms: 10,
      children: [
        { name: "a", at: 1, ms: 3, children: [{ name: "inner", at: 2, ms: 2 }] },
        { name: "b", at: 5, ms: 5 },
      ],
    });
    expect(path).toEqual(["root 0-1", "a 1-2", "inner 2-4", "root 4-5", "b 5-10"]);
  });

  test("a child that outlives its parent counts up to the parent's end", () => {
    const path = pathOf({ name: "root", at: 0, ms: 4, children: [{ name: "background", at: 1, ms: 20 }] });
    expect(path).toEqual(["root 0-1", "background 1-4"]);
  });

  test("several roots: time that no root covers belongs to no span", () => {
    const tree = buildTree([
      span({ spanId: spanIdOf(0), name: "a", startNs: 0n, durationNs: 5 }),
      span({ spanId: spanIdOf(1), name: "b", startNs: 8n, durationNs: 4 }),
    ]);
    expect(criticalPath(tree).map((s) => [s.node.span.name, s.start, s.end])).toEqual([
      ["a", 0, 5],
      ["b", 8, 12],
    ]);
  });

  test("all repeats of an N+1 are on it", () => {
    const path = pathOf({ name: "root", at: 0, ms: 10.2, children: inSequence("read", 10) });
    expect(path.filter((segment) => segment.startsWith("read"))).toHaveLength(10);
  });

  test("property: segments follow each other within their spans and the trace, and are below a root", () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const tree = buildTree(spans);
        let reached = 0;
        let total = 0;
        for (const { node, start, end } of criticalPath(tree)) {
          expect(start).toBeGreaterThanOrEqual(Math.max(reached, node.start));
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(node.end);
          let root = node;
          while (root.parent !== undefined) root = root.parent;
          expect(tree.roots).toContain(root);
          reached = end;
          total += end - start;
        }
        expect(total).toBeLessThanOrEqual(tree.durationNs);
      }),
    );
  });

  test("property: with one root it covers exactly the root's time", () => {
    fc.assert(
      fc.property(nestedSpans, (spans) => {
        const tree = buildTree(spans);
        const total = criticalPath(tree).reduce((sum, { start, end }) => sum + end - start, 0);
        expect(total).toBe(tree.durationNs);
      }),
    );
  });

  test("property: one root whose descendants overlap and outlive each other as they like is covered too", () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const root = span({ spanId: "f".repeat(16), kind: "internal", startNs: 0n, durationNs: 10_000 });
        const ids = new Set(spans.map(({ spanId }) => spanId));
        const below = spans.map((s) => {
          const parentSpanId = s.parentSpanId !== undefined && ids.has(s.parentSpanId) ? s.parentSpanId : root.spanId;
          return { ...s, parentSpanId, startNs: s.startNs % 9_000n };
        });
        const tree = buildTree([root, ...below]);
        fc.pre(tree.roots.length === 1 && tree.cycles === 0);
        const total = criticalPath(tree).reduce((sum, { start, end }) => sum + end - start, 0);
        expect(total).toBe(10_000);
      }),
    );
  });

  test("async children that outlive their parent: what ends the parent's time counts, what goes on after it does not", () => {
    // By hand: the root ends at 10. "late" (4–30) is taken as ending with it; before it began, "early" (1–3) ended.
    const path = pathOf({
      name: "root",
      at: 0,
      ms: 10,
      children: [
        { name: "early", at: 1, ms: 2 },
        { name: "late", at: 4, ms: 26, children: [{ name: "tail", at: 12, ms: 18 }] },
      ],
    });
    expect(path).toEqual(["root 0-1", "early 1-3", "root 3-4", "late 4-10"]);
  });

  /**
   * The same by brute force, a moment at a time, straight from the definition: going back from the end, the span that is
   * being waited for is the child that ends last of those that had begun before; where none runs, it is the span itself.
   */
  const oracle = (tree: TraceTree): string[] => {
    const waitedFor: string[] = [];
    const walk = (node: SpanNode, from: number, to: number): void => {
      let at = to;
      while (at > from) {
        const ending = node.children
          .filter((child) => child.start < to && child.end > from && child.end > child.start)
          .filter((child) => Math.min(child.end, to) <= at && Math.min(child.end, to) > from);
        const end = Math.max(from, ...ending.map((child) => Math.min(child.end, to)));
        for (let t = at; t > end; t -= 1) waitedFor[t - 1] = node.span.spanId;
        const last = ending
          .filter((child) => Math.min(child.end, to) === end)
          .sort((a, b) => a.start - b.start || node.children.indexOf(b) - node.children.indexOf(a))[0];
        if (last === undefined) return;
        const begin = Math.max(last.start, from);
        walk(last, begin, end);
        at = begin;
      }
    };
    for (const root of tree.roots) walk(root, root.start, root.end);
    return waitedFor;
  };

  const smallTrace = fc
    .array(fc.record({ parent: fc.nat(), start: fc.nat(30), length: fc.integer({ min: 1, max: 20 }) }), {
      maxLength: 9,
    })
    .map((parts) => [
      span({ spanId: spanIdOf(0), startNs: 1n, durationNs: 40 }),
      ...parts.map(({ parent, start, length }, i) =>
        span({
          spanId: spanIdOf(i + 1),
          parentSpanId: spanIdOf(parent % (i + 1)),
          startNs: BigInt(1 + start),
          durationNs: length,
        }),
      ),
    ]);

  test("property: equal to the definition worked out a nanosecond at a time, whatever overlaps and outlives what", () => {
    fc.assert(
      fc.property(smallTrace, (spans) => {
        const tree = buildTree(spans);
        const expected = oracle(tree);
        const actual: string[] = [];
        for (const { node, start, end } of criticalPath(tree)) {
          for (let t = start; t < end; t += 1) actual[t] = node.span.spanId;
        }
        expect(actual).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test("property: self time, worked out a nanosecond at a time", () => {
    fc.assert(
      fc.property(smallTrace, (spans) => {
        for (const { start, end, children, selfNs } of buildTree(spans).nodes) {
          let own = 0;
          for (let t = start; t < end; t += 1)
            if (!children.some((child) => child.start <= t && t < child.end)) own += 1;
          expect(selfNs).toBe(own);
        }
      }),
    );
  });
});
