import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { buildTree, type SpanNode } from "../../src/analyze/tree.ts";
import type { Span } from "../../src/model/span.ts";
import { groupSpans } from "../../src/specs/generate/group.ts";
import { alwaysAfter } from "../../src/specs/generate/order.ts";
import { commonTags } from "../../src/specs/generate/tags.ts";
import { failureOf, failureText } from "../../src/specs/judge/failure.ts";
import { outside } from "../../src/specs/judge/span.ts";
import { rangeJson } from "../../src/specs/judge/structure.ts";
import { shownValue, LONGEST_VALUE } from "../../src/specs/judge/value.ts";
import { resolved } from "../../src/specs/selector/select.ts";
import { editDistance, nearest } from "../../src/model/nearest.ts";
import { span, spanIdOf, trace, type Plan } from "../analyze/population.ts";

const nodesOf = (list: readonly Span["attributes"][]): SpanNode[] =>
  list.map((attributes, i) => buildTree([span({ spanId: spanIdOf(i), attributes })]).roots[0]!);

describe("what attributes spans have in common", () => {
  test.each([
    ["the same value", [{ a: "x" }, { a: "x" }], { required: { a: "x" }, optional: {} }],
    ["values of one type", [{ a: "x" }, { a: "y" }], { required: { a: { type: "string" } }, optional: {} }],
    ["numbers", [{ a: 1 }, { a: 2.5 }], { required: { a: { type: "number" } }, optional: {} }],
    ["values of several types", [{ a: 1 }, { a: "x" }], { required: { a: { exists: true } }, optional: {} }],
    ["a null", [{ a: null }, { a: null }], { required: { a: { type: "null" } }, optional: {} }],
    ["lists", [{ a: [1] }, { a: [1] }], { required: { a: { type: "array" } }, optional: {} }],
    ["now and then", [{ a: "x" }, {}, { a: "x" }], { required: {}, optional: { a: "x" } }],
    ["now and then something else", [{ a: "x" }, {}, { a: "y" }], { required: {}, optional: {} }],
    ["only once", [{ a: "x" }, {}, {}], { required: {}, optional: {} }],
    [
      "ids of the call",
      [{ "jsonrpc.request.id": 1, "mcp.session.id": "s", "thread.id": 4 }],
      { required: {}, optional: {} },
    ],
    [
      "what looks like a reference",
      [{ a: "${x}" }, { a: "${x}" }],
      { required: { a: { type: "string" } }, optional: {} },
    ],
    [
      "very long values",
      [{ a: "x".repeat(300) }, { a: "x".repeat(300) }],
      { required: { a: { type: "string" } }, optional: {} },
    ],
  ] as [string, Span["attributes"][], ReturnType<typeof commonTags>][])("%s", (_name, list, expected) => {
    expect(commonTags(nodesOf(list), 2)).toEqual(expected);
  });

  test("a few values become a list once there are enough spans to believe it", () => {
    const list = Array.from({ length: 10 }, (_, i) => ({ region: i % 2 === 0 ? "eu" : "us" }));
    expect(commonTags(nodesOf(list), 10).required).toEqual({ region: { in: ["eu", "us"] } });
    expect(commonTags(nodesOf(list.slice(0, 9)), 9).required).toEqual({ region: { type: "string" } });
  });

  test("of a single trace neither numbers nor what looks like an id are believed", () => {
    const list = [{ user: "/users/42", size: 5, ok: true, route: "/users" }];
    expect(commonTags(nodesOf(list), 1).required).toEqual({
      user: { type: "string" },
      size: { type: "number" },
      ok: true,
      route: "/users",
    });
    expect(commonTags(nodesOf([...list, ...list]), 2).required).toEqual(list[0]);
  });

  test("are at most forty, in their order", () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${String(i).padStart(2, "0")}`, "v"]));
    const keys = Object.keys(commonTags(nodesOf([many, many]), 2).required);
    expect(keys).toHaveLength(40);
    expect(keys).toEqual(keys.toSorted());
  });
});

describe("groups of spans", () => {
  const places = (...children: readonly (readonly Plan[])[]): SpanNode[][] =>
    children.map((list, n) => [
      ...(buildTree(trace(n, { name: "r", at: 0, ms: 100, children: list })).roots[0]?.children ?? []),
    ]);

  test("are of one service, kind and name without ids, with the fewest and most of a place", () => {
    const groups = groupSpans(
      places(
        [
          { name: "get 1", at: 1, ms: 1 },
          { name: "get 2", at: 3, ms: 1 },
          { name: "put", at: 5, ms: 1 },
        ],
        [
          { name: "get 3", at: 1, ms: 1 },
          { name: "put", at: 5, ms: 1, kind: "client" },
        ],
      ),
    );
    expect(groups.map(({ nodes, least, most }) => [nodes.map(({ span: { name } }) => name), least, most])).toEqual([
      [["get 1", "get 2", "get 3"], 1, 2],
      [["put"], 0, 1],
      [["put"], 0, 1],
    ]);
  });

  test("count every span once", () => {
    const plans = fc.array(fc.array(fc.constantFrom("a", "b", "c 1", "c 2"), { maxLength: 5 }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(plans, (names) => {
        const lists = places(...names.map((list) => list.map((name, i) => ({ name, at: i + 1, ms: 1 }))));
        const groups = groupSpans(lists);
        expect(groups.flatMap(({ nodes }) => nodes)).toHaveLength(names.flat().length);
        for (const { nodes, least, most } of groups) {
          const counts = lists.map((list) => list.filter((node) => nodes.includes(node)).length);
          expect([Math.min(...counts), Math.max(...counts)]).toEqual([least, most]);
        }
      }),
    );
  });

  const ordered = (overlap: number) => [
    { name: "a", at: 1, ms: 10 },
    { name: "b", at: 12 - overlap, ms: 5 },
    { name: "c", at: 30, ms: 1 },
  ];
  const orderOf = (...lists: readonly (readonly Plan[])[]) => {
    const groups = groupSpans(places(...lists));
    return [...alwaysAfter(groups, lists.length)].map(([later, earlier]) =>
      [later, earlier].map(({ nodes }) => nodes[0]?.span.name),
    );
  };

  test("follow each other when they always did, often enough", () => {
    expect(orderOf(ordered(0), ordered(0), ordered(0))).toEqual([
      ["b", "a"],
      ["c", "b"],
    ]);
    expect(orderOf(ordered(0), ordered(0))).toEqual([]);
    expect(orderOf(ordered(0), ordered(2), ordered(0))).toEqual([["c", "b"]]);
    expect(orderOf(ordered(0), ordered(0), [...ordered(0), { name: "a", at: 50, ms: 1 }])).toEqual([["c", "b"]]);
  });
});

describe("how a span failed", () => {
  test.each([
    [{}, undefined],
    [{ status: "ok" }, undefined],
    [{ status: "error" }, { type: undefined, code: undefined, message: undefined }],
    [
      { status: "error", attributes: { "error.type": "E", "http.response.status_code": 500 }, statusMessage: "m" },
      { type: "E", code: 500, message: "m" },
    ],
    [
      { status: "error", attributes: { "rpc.response.status_code": -32602, "http.response.status_code": 200 } },
      { type: undefined, code: -32602, message: undefined },
    ],
    [
      {
        status: "error",
        events: [{ name: "exception", timeNs: 1n, attributes: { "exception.type": "T", "exception.message": "why" } }],
      },
      { type: "T", code: undefined, message: "why" },
    ],
  ] as [Partial<Span>, object | undefined][])("%j", (given, failure) => {
    expect(failureOf(span({ spanId: spanIdOf(0), ...given }))).toEqual(failure);
  });

  test("in words", () => {
    expect(failureText({ type: "T", code: 1, message: "m" })).toBe("T");
    expect(failureText({ type: undefined, code: 402, message: "m" })).toBe("402");
    expect(failureText({ type: undefined, code: undefined, message: { a: 1 } })).toBe('{"a":1}');
    expect(failureText({ type: undefined, code: undefined, message: undefined })).toBe("error");
  });
});

describe("small parts", () => {
  test("outside of bounds with a tolerance", () => {
    const tolerance = { rel: 0.1, abs: 1 };
    expect([7.9, 8.1, 22.9, 23.1].map((value) => outside(value, { min: 10, max: 20 }, tolerance))).toEqual([
      "short",
      undefined,
      undefined,
      "long",
    ]);
    expect(outside(1e12, { min: 0, max: Infinity }, tolerance)).toBeUndefined();
    expect(outside(-5, { min: -Infinity, max: 0 }, { rel: 0, abs: 0 })).toBeUndefined();
  });

  test("ranges as JSON", () => {
    expect([
      rangeJson({ min: 1, max: 1 }),
      rangeJson({ min: 1, max: Infinity }),
      rangeJson({ min: 0, max: 2 }),
    ]).toEqual([1, { min: 1 }, { min: 0, max: 2 }]);
  });

  test("values as they are shown", () => {
    expect(shownValue(undefined)).toBeNull();
    expect(shownValue({ a: [1] })).toEqual({ a: [1] });
    expect(shownValue({ a: "x".repeat(LONGEST_VALUE) })).toMatch(/^\{"a":"x+… \(508 characters\)$/);
    expect(shownValue(`${"x".repeat(LONGEST_VALUE - 1)}😀😀`)).not.toMatch(/[\ud800-\udfff](?![\udc00-\udfff])/u);
  });

  test("captured values in text", () => {
    const captures = new Map<string, string | number | object>([
      ["a", 7],
      ["b", "x"],
      ["c", { d: 1 }],
    ]) as Parameters<typeof resolved>[1];
    expect(resolved("${a}", captures)).toBe(7);
    expect(resolved("${a}${b}", captures)).toBe("7x");
    expect(resolved("${c}", captures)).toBe('{"d":1}');
    expect(resolved("no reference", captures)).toBe("no reference");
    expect(resolved("${a} ${none}", captures)).toBeUndefined();
    expect(resolved("$a {b} ${}", captures)).toBe("$a {b} ${}");
  });

  test("edit distance is a metric, nearest finds one letter", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 6 });
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
    expect(nearest("operation_nam", ["operation_name", "service_name"])).toBe("operation_name");
    expect(nearest("zzzzzz", ["operation_name"])).toBeUndefined();
    expect(nearest("x", [])).toBeUndefined();
  });
});
