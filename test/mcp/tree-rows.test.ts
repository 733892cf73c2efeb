import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { criticalPath } from "../../src/analyze/critical-path.ts";
import { buildTree } from "../../src/analyze/tree.ts";
import { spanRow } from "../../src/mcp/span-rows.ts";
import { byImportance, treeRows, type TreeRow } from "../../src/mcp/tree-rows.ts";
import type { Span } from "../../src/model/span.ts";
import { span, spanId } from "../store/spans.ts";

const START = 1_700_000_000_000_000_000n;

/** Where a span lies: its number, that of its parent, ms from the start of the trace, length in ms. */
type Place = readonly [n: number, parent: number | undefined, from: number, length: number];

function at([n, parent, from, length]: Place, changes: Partial<Span> = {}): Span {
  return span({
    spanId: spanId(n),
    ...(parent !== undefined && { parentSpanId: spanId(parent) }),
    startNs: START + BigInt(Math.round(from * 1e6)),
    durationNs: Math.round(length * 1e6) + 1,
    name: `operation ${n}`,
    ...changes,
  });
}

function rowsOf(spans: readonly Span[], grouping = true): readonly TreeRow[] {
  const tree = buildTree(spans);
  return treeRows({ roots: tree.roots, critical: criticalPath(tree), grouping });
}

const paths = (rows: readonly TreeRow[]): string[] => rows.map(({ path }) => path);

describe("treeRows", () => {
  const small = [at([0, undefined, 0, 100]), at([1, 0, 0, 40]), at([2, 1, 5, 10]), at([3, 0, 50, 40])];

  test("numbers the rows by their place in the tree", () => {
    expect(paths(rowsOf(small))).toEqual(["1", "1.1", "1.1.1", "1.2"]);
  });

  test("several roots have a number each", () => {
    expect(paths(rowsOf([at([0, undefined, 0, 1]), at([1, 99, 2, 1]), at([2, 98, 4, 1])]))).toEqual(["1", "2", "3"]);
  });

  test("like siblings share a row from three on, the longest first; what is below them is counted", () => {
    const same = (n: number, from: number, length: number) => at([n, 0, from, length], { name: "SELECT" });
    const rows = rowsOf([at([0, undefined, 0, 100]), same(1, 0, 5), same(2, 10, 9), same(3, 20, 7), at([4, 2, 11, 1])]);
    expect(paths(rows)).toEqual(["1", "1.1"]);
    expect(rows[1]?.nodes.map((node) => node.span.spanId)).toEqual([spanId(2), spanId(3), spanId(1)]);
    expect(rows[1]?.inside).toBe(1);
    expect(paths(rowsOf([at([0, undefined, 0, 100]), same(1, 0, 5), same(2, 10, 9)]))).toEqual(["1", "1.1", "1.2"]);
  });

  test("a sibling with an error in or below it keeps its row", () => {
    const same = (n: number, changes: Partial<Span> = {}) => at([n, 0, n * 10, 5], { name: "SELECT", ...changes });
    const spans = [
      at([0, undefined, 0, 100]),
      ...[1, 2, 3].map((n) => same(n)),
      same(4, { status: "error" }),
      same(5),
      at([6, 5, 51, 1], { status: "error" }),
    ];
    const rows = rowsOf(spans);
    expect(rows.map(({ nodes }) => nodes.length)).toEqual([1, 3, 1, 1, 1]);
    expect(rows.filter(({ nodes }) => nodes[0]?.span.status === "error")).toHaveLength(2);
  });

  test("without grouping every span has a row", () => {
    const same = [1, 2, 3, 4].map((n) => at([n, 0, n, 1], { name: "SELECT" }));
    expect(rowsOf([at([0, undefined, 0, 100]), ...same], false)).toHaveLength(5);
  });

  test("the path of a very deep span says how many levels it leaves out", () => {
    const deep = Array.from({ length: 40 }, (_, n) => at([n, n === 0 ? undefined : n - 1, n * 0.1, 100 - n]));
    const last = paths(rowsOf(deep)).at(-1) ?? "";
    expect(last).toMatch(/^1(\.1){10}\.\(28 more levels\)\.1$/);
  });

  test("a deep and wide trace takes time in proportion: 100,000 spans have rows", () => {
    const spans = Array.from({ length: 100_000 }, (_, n) =>
      at([n, n === 0 ? undefined : n < 1_000 ? n - 1 : n % 900, 0, 1]),
    );
    const rows = rowsOf(spans, false);
    expect(rows).toHaveLength(100_000);
    expect(Math.max(...rows.slice(0, 1_000).map(({ path }) => path.length))).toBeLessThan(80);
  });

  const forest = fc
    .array(
      fc.record({
        parent: fc.nat({ max: 40 }),
        from: fc.nat({ max: 50 }),
        length: fc.nat({ max: 50 }),
        name: fc.nat({ max: 2 }),
        fails: fc.boolean(),
      }),
      { minLength: 1, maxLength: 40 },
    )
    .map((list) =>
      list.map(({ parent, from, length, name, fails }, n) =>
        at([n, n === 0 || parent >= n ? undefined : parent, from, length], {
          name: `n${name}`,
          status: fails ? "error" : "unset",
        }),
      ),
    );

  test("every span is in one row or counted inside one, whatever the tree is", () => {
    fc.assert(
      fc.property(forest, fc.boolean(), (spans, grouping) => {
        const rows = rowsOf(spans, grouping);
        const shown = rows.flatMap(({ nodes }) => nodes.map((node) => node.span.spanId));
        expect(new Set(shown).size).toBe(shown.length);
        expect(shown.length + rows.reduce((sum, { inside }) => sum + inside, 0)).toBe(spans.length);
        expect(new Set(paths(rows)).size).toBe(rows.length);
      }),
    );
  });

  test("no error is hidden in a group", () => {
    fc.assert(
      fc.property(forest, (spans) => {
        const shown = new Set(
          rowsOf(spans).flatMap(({ nodes }) => (nodes.length === 1 ? [nodes[0]?.span.spanId] : [])),
        );
        for (const { spanId: id, status } of spans) if (status === "error") expect(shown.has(id)).toBe(true);
      }),
    );
  });

  test("parents come before their children", () => {
    fc.assert(
      fc.property(forest, (spans) => {
        const seen = new Set<string>();
        for (const { nodes } of rowsOf(spans, false)) {
          const parent = nodes[0]?.parent?.span.spanId;
          if (parent !== undefined) expect(seen.has(parent)).toBe(true);
          seen.add(nodes[0]?.span.spanId ?? "");
        }
      }),
    );
  });
});

describe("byImportance", () => {
  test("roots first, then errors, then the critical path, then length", () => {
    const rows = rowsOf([
      at([0, undefined, 0, 100]),
      at([1, 0, 0, 10]),
      at([2, 0, 1, 3], { status: "error" }),
      at([3, 0, 20, 79]),
      at([4, 0, 21, 30]),
    ]);
    const ordered = byImportance(rows).map((index) => rows[index]?.nodes[0]?.span.spanId);
    expect(ordered).toEqual([0, 2, 3, 1, 4].map(spanId));
  });

  test("names every row once", () => {
    const rows = rowsOf(Array.from({ length: 30 }, (_, n) => at([n, n === 0 ? undefined : 0, n, 1])));
    expect(byImportance(rows).toSorted((a, b) => a - b)).toEqual(rows.map((_, index) => index));
  });
});

describe("spanRow", () => {
  const short = (id: string): string => id.slice(-6);

  test("shows what is not the usual", () => {
    const [, row] = rowsOf([
      at([0, undefined, 0, 100]),
      at([1, 0, 10, 20], {
        kind: "client",
        status: "error",
        statusMessage: "refused",
        attributes: { "error.type": "timeout" },
      }),
    ]).map((each) => spanRow(each, short));
    expect(row).toMatchObject({
      path: "1.1",
      id: "000002",
      kind: "client",
      startMs: 10,
      durationMs: 20,
      selfMs: 20,
      criticalMs: 20,
      status: "error",
      error: "timeout: refused",
    });
  });

  test("leaves out what is the usual", () => {
    const [row] = rowsOf([at([0, undefined, 0, 100], { kind: "internal" })]).map((each) => spanRow(each, short));
    expect(Object.keys(row ?? {}).sort()).toEqual(
      ["criticalMs", "durationMs", "id", "operation", "path", "selfMs", "service", "startMs"].sort(),
    );
  });

  test("sums up a group", () => {
    const same = [5, 9, 7].map((length, n) => at([n + 1, 0, n * 20, length], { name: "SELECT" }));
    const [, row] = rowsOf([at([0, undefined, 0, 100]), ...same]).map((each) => spanRow(each, short));
    expect(row).toMatchObject({ durationMs: 9, group: { spans: 3, minMs: 5, medianMs: 7, totalMs: 21, inside: 0 } });
    expect(row).not.toHaveProperty("selfMs");
  });

  test("an error without class and message says so", () => {
    const [row] = rowsOf([at([0, undefined, 0, 1], { status: "error" })]).map((each) => spanRow(each, short));
    expect(row?.error).toBe("no class or message was recorded");
  });
});
