import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { buildTree, groupTraces, type SpanNode, type TraceTree } from "../../src/analyze/tree.ts";
import type { Span } from "../../src/model/span.ts";
import { anySpans, nestedSpans } from "./arbitrary.ts";
import { inSequence, span, spanIdOf, trace, traceIdOf } from "./population.ts";

const names = (nodes: readonly SpanNode[]): string[] => nodes.map((node) => node.span.name);
const find = (tree: TraceTree, name: string): SpanNode => {
  const node = tree.nodes.find((candidate) => candidate.span.name === name);
  if (node === undefined) throw new Error(`no span ${name}`);
  return node;
};
const shape = (tree: TraceTree): unknown =>
  tree.nodes.map(({ span: s, parent, depth, selfNs }) => [
    s.spanId,
    s.kind,
    s.name,
    parent?.span.spanId,
    depth,
    selfNs,
  ]);

/** The members of an array in an order that depends on `keys`. */
const shuffled = <T>(values: readonly T[], keys: readonly number[]): T[] =>
  values
    .map((value, i) => ({ value, key: keys[i % keys.length] ?? 0 }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value);

describe("buildTree", () => {
  test("children stand by start, with depth, offsets and self time", () => {
    const tree = buildTree(
      trace(0, {
        name: "root",
        at: 0,
        ms: 10,
        children: [
          { name: "late", at: 6, ms: 3 },
          { name: "early", at: 1, ms: 4, children: [{ name: "inner", at: 2, ms: 1 }] },
        ],
      }),
    );
    expect(names(tree.nodes)).toEqual(["root", "early", "inner", "late"]);
    expect(tree.nodes.map(({ depth }) => depth)).toEqual([0, 1, 2, 1]);
    expect(tree.nodes.map(({ selfNs }) => selfNs / 1e6)).toEqual([3, 3, 1, 3]);
    expect(find(tree, "late")).toMatchObject({ start: 6e6, end: 9e6 });
    expect(tree).toMatchObject({ durationNs: 10e6, orphans: 0, cycles: 0, duplicates: 0 });
  });

  test("overlapping children count once, and only within their parent", () => {
    const tree = buildTree(
      trace(0, {
        name: "root",
        at: 0,
        ms: 10,
        children: [
          { name: "a", at: 2, ms: 4 },
          { name: "b", at: 4, ms: 4 },
          { name: "outlives", at: 9, ms: 5 },
        ],
      }),
    );
    expect(find(tree, "root").selfNs).toBe(3e6);
    expect(tree.durationNs).toBe(14e6);
  });

  test("spans whose parent is missing are roots, and counted", () => {
    const tree = buildTree([
      span({ spanId: spanIdOf(1), name: "a", parentSpanId: spanIdOf(77) }),
      span({ spanId: spanIdOf(2), name: "b", parentSpanId: spanIdOf(77) }),
      span({ spanId: spanIdOf(3), name: "c", parentSpanId: spanIdOf(1) }),
    ]);
    expect(names(tree.roots)).toEqual(["a", "b"]);
    expect(tree.orphans).toBe(2);
  });

  test("Zipkin: a server span that shares its client's id is below it, and the server's children are below the server", () => {
    const shared = spanIdOf(1);
    const tree = buildTree([
      span({ spanId: shared, kind: "server", service: "back", name: "server", parentSpanId: spanIdOf(0) }),
      span({ spanId: shared, kind: "client", service: "front", name: "client", parentSpanId: spanIdOf(0) }),
      span({ spanId: spanIdOf(0), service: "front", name: "root" }),
      span({ spanId: spanIdOf(2), service: "back", name: "query", parentSpanId: shared }),
      span({ spanId: spanIdOf(3), service: "front", name: "encode", parentSpanId: shared }),
      span({ spanId: spanIdOf(4), service: "third", name: "third", parentSpanId: shared }),
    ]);
    const parentOf = (name: string): string | undefined => find(tree, name).parent?.span.name;
    expect(parentOf("client")).toBe("root");
    expect(parentOf("server")).toBe("client");
    expect(parentOf("query")).toBe("server");
    expect(parentOf("encode")).toBe("client");
    expect(parentOf("third")).toBe("server");
  });

  test.each([
    ["itself", [0]],
    ["two", [1, 0]],
    ["three", [2, 0, 1]],
  ])("a circle of %s is cut at its earliest span", (_, parents) => {
    const spans = parents.map((parent, i) =>
      span({ spanId: spanIdOf(i), parentSpanId: spanIdOf(parent), startNs: BigInt(100 - i) }),
    );
    const tree = buildTree(spans);
    expect(tree.cycles).toBe(1);
    expect(tree.nodes).toHaveLength(parents.length);
    expect(tree.roots.map((node) => node.span.spanId)).toEqual([spanIdOf(parents.length - 1)]);
  });

  test("a circle that a span outside it leads into is cut at its own earliest span", () => {
    const tree = buildTree([
      span({ spanId: spanIdOf(0), name: "outside", startNs: 0n, parentSpanId: spanIdOf(2) }),
      span({ spanId: spanIdOf(1), name: "earliest", startNs: 1n, parentSpanId: spanIdOf(2) }),
      span({ spanId: spanIdOf(2), name: "latest", startNs: 2n, parentSpanId: spanIdOf(1) }),
    ]);
    expect(names(tree.nodes)).toEqual(["earliest", "latest", "outside"]);
  });

  test("of copies with other starts the longest is kept too", () => {
    const copies = [10, 20].map((length) => span({ spanId: spanIdOf(0), startNs: BigInt(length), durationNs: length }));
    expect(buildTree(copies).nodes.map((node) => node.span.durationNs)).toEqual([20]);
  });

  test("of copies of a span the longest is kept", () => {
    const copies = [5, 9, 7].map((durationNs) => span({ spanId: spanIdOf(0), durationNs }));
    const tree = buildTree(copies);
    expect(tree.nodes.map((node) => node.span.durationNs)).toEqual([9]);
    expect(tree.duplicates).toBe(2);
  });

  test("a chain of 20,000 spans does not exhaust the stack", () => {
    const chain = Array.from({ length: 20_000 }, (_, i) =>
      span({ spanId: spanIdOf(i), ...(i > 0 && { parentSpanId: spanIdOf(i - 1) }) }),
    );
    expect(buildTree(chain).nodes.at(-1)?.depth).toBe(19_999);
  });

  test("without spans it is the caller's fault", () => {
    expect(() => buildTree([])).toThrow(expect.objectContaining({ code: "defect" }));
  });

  test("property: any spans make a forest that holds each of them once, parents first; self time is within the span", () => {
    fc.assert(
      fc.property(anySpans, (spans) => {
        const tree = buildTree(spans);
        const distinct = new Set(spans.map((s) => `${s.spanId}/${s.kind}`));
        expect(tree.nodes).toHaveLength(distinct.size);
        expect(tree.nodes.length + tree.duplicates).toBe(spans.length);
        const seen = new Set<SpanNode>();
        for (const node of tree.nodes) {
          expect(node.parent === undefined || seen.has(node.parent)).toBe(true);
          expect(node.selfNs).toBeGreaterThanOrEqual(0);
          expect(node.selfNs).toBeLessThanOrEqual(node.end - node.start);
          expect(node.end).toBeLessThanOrEqual(tree.durationNs);
          seen.add(node);
        }
      }),
    );
  });

  test("property: the order of the spans does not matter", () => {
    fc.assert(
      fc.property(anySpans, fc.array(fc.nat(), { minLength: 1 }), (spans, keys) => {
        expect(shape(buildTree(shuffled(spans, keys)))).toEqual(shape(buildTree(spans)));
      }),
    );
  });

  test("property: where siblings follow each other within their parent, self times add up to the trace", () => {
    fc.assert(
      fc.property(nestedSpans, (spans) => {
        const tree = buildTree(spans);
        expect(tree.nodes.reduce((total, { selfNs }) => total + selfNs, 0)).toBe(tree.durationNs);
      }),
    );
  });
});

describe("groupTraces", () => {
  test("one tree per trace id, by start, whatever the order of the spans", () => {
    const spans: Span[] = [2, 0, 1].flatMap((n) =>
      trace(n, { name: "root", at: 0, ms: 5, children: inSequence("read", 2) }),
    );
    const trees = groupTraces(spans.toReversed());
    expect(trees.map(({ traceId }) => traceId)).toEqual([0, 1, 2].map(traceIdOf));
    expect(trees.map(({ nodes }) => nodes.length)).toEqual([3, 3, 3]);
  });
});
