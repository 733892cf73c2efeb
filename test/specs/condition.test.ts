import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Json } from "../../src/model/json.ts";
import { equal, holds, numberOf, type Condition } from "../../src/specs/condition.ts";
import { compilePattern } from "../../src/specs/pattern.ts";

const matches = (text: string): Condition => ({ op: "matches", pattern: compilePattern(text), text });
const notMatches = (text: string): Condition => ({ op: "not_matches", pattern: compilePattern(text), text });

const leaves: readonly Condition[] = [
  { op: "=", value: "x" },
  { op: "!=", value: "x" },
  { op: "<", value: 5 },
  { op: "<=", value: 5 },
  { op: ">", value: 5 },
  { op: ">=", value: 5 },
  { op: "in", values: ["x", 1] },
  { op: "not_in", values: ["x", 1] },
  matches(".*"),
  notMatches("x"),
  { op: "contains", value: "x" },
  { op: "not_contains", value: "x" },
  { op: "template", template: "x" },
  { op: "type", type: "string" },
];

describe("an absent value", () => {
  test.each(leaves.map((condition) => [condition.op, condition] as const))("makes %s false", (_op, condition) => {
    expect(holds(condition, undefined)).toBe(false);
    expect(holds({ op: "not", inner: condition }, undefined)).toBe(true);
  });

  test("is what exists asks about", () => {
    expect([
      holds({ op: "exists", wanted: true }, undefined),
      holds({ op: "exists", wanted: false }, undefined),
    ]).toEqual([false, true]);
    expect([holds({ op: "exists", wanted: true }, null), holds({ op: "exists", wanted: false }, null)]).toEqual([
      true,
      false,
    ]);
  });
});

describe("holds", () => {
  test.each([
    [{ op: "=", value: "x" }, "x", true],
    [{ op: "=", value: "x" }, "y", false],
    [{ op: "=", value: 200 }, "200", true],
    [{ op: "=", value: "200" }, 200, true],
    [{ op: "=", value: true }, "true", true],
    [{ op: "=", value: 200 }, "0x c8", false],
    [{ op: "=", value: 9007199254740992 }, "9007199254740992", true],
    [{ op: "=", value: "x" }, ["a", "x"], true],
    [{ op: "=", value: "x" }, [], false],
    [{ op: "=", value: "x" }, { x: 1 }, false],
    [{ op: "!=", value: "x" }, "y", true],
    [{ op: "!=", value: "x" }, ["a", "x"], false],
    [{ op: "!=", value: "x" }, ["a", "b"], true],
    [{ op: "<", value: 5 }, 4, true],
    [{ op: "<", value: 5 }, "4", true],
    [{ op: "<", value: 5 }, "four", false],
    [{ op: "<", value: 5 }, 5, false],
    [{ op: "<=", value: 5 }, 5, true],
    [{ op: ">", value: 5 }, 6, true],
    [{ op: ">", value: 5 }, true, false],
    [{ op: ">=", value: 5 }, [1, 5], true],
    [{ op: "<", value: "b" }, "a", true],
    [{ op: "<", value: "b" }, 1, false],
    [{ op: ">=", value: "2026-01-01" }, "2026-06-01", true],
    [{ op: "in", values: ["a", 1] }, 1, true],
    [{ op: "in", values: ["a", 1] }, "1", true],
    [{ op: "in", values: ["a", 1] }, "b", false],
    [{ op: "not_in", values: ["a"] }, "b", true],
    [{ op: "not_in", values: ["a"] }, ["b", "a"], false],
    [{ op: "contains", value: "ell" }, "hello", true],
    [{ op: "contains", value: "x" }, ["x", "y"], true],
    [{ op: "contains", value: "ell" }, ["hello"], false],
    [{ op: "contains", value: "key" }, { key: 1 }, true],
    [{ op: "contains", value: 4 }, 1245, true],
    [{ op: "not_contains", value: "z" }, "hello", true],
    [{ op: "template", template: "GET /users/{id}" }, "GET /users/42", true],
    [{ op: "template", template: "GET /users/{id}" }, "GET /users/me", false],
    [{ op: "type", type: "string" }, "1", true],
    [{ op: "type", type: "string" }, 1, false],
    [{ op: "type", type: "int" }, 1, true],
    [{ op: "type", type: "int" }, 1.5, false],
    [{ op: "type", type: "number" }, 1.5, true],
    [{ op: "type", type: "bool" }, false, true],
    [{ op: "type", type: "array" }, [], true],
    [{ op: "type", type: "object" }, [], false],
    [{ op: "type", type: "object" }, {}, true],
    [{ op: "type", type: "object" }, null, false],
    [{ op: "type", type: "null" }, null, true],
  ] as [Condition, Json, boolean][])("%j on %j is %j", (condition, value, is) => {
    expect(holds(condition, value)).toBe(is);
    expect(holds({ op: "not", inner: condition }, value)).toBe(!is);
  });

  test("patterns take the text of any value, and of arrays one or every element", () => {
    expect(holds(matches("4\\d"), 42)).toBe(true);
    expect(holds(matches("4"), 42)).toBe(false);
    expect(holds(matches("b.*"), ["a", "bc"])).toBe(true);
    expect(holds(notMatches("b.*"), ["a", "bc"])).toBe(false);
    expect(holds(notMatches("b.*"), ["a", "c"])).toBe(true);
  });

  test("all parts must hold", () => {
    const range: Condition = {
      op: "all",
      parts: [
        { op: ">=", value: 1 },
        { op: "<", value: 5 },
      ],
    };
    expect([0, 1, 4, 5].map((value) => holds(range, value))).toEqual([false, true, true, false]);
  });
});

describe("tolerance", () => {
  test("numbers are equal within abs + rel of the larger one", () => {
    const tolerance = { rel: 0.2, abs: 1 };
    expect(equal(126, 100, tolerance)).toBe(true);
    expect(equal(127, 100, tolerance)).toBe(false);
    expect(equal(79.1, 100, tolerance)).toBe(true);
    expect(equal(78.9, 100, tolerance)).toBe(false);
    expect(holds({ op: "!=", value: 100, tolerance }, 126)).toBe(false);
  });

  test("is symmetric, and exact at zero", () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(number, number, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, rel) => {
        expect(equal(a, b, { rel, abs: 0 })).toBe(equal(b, a, { rel, abs: 0 }));
        expect(equal(a, b)).toBe(a === b);
      }),
    );
  });
});

test("a number is read from its text and from nothing else", () => {
  expect(
    [1.5, "1.5", "-2e3", "1e", "", " 1", "1,5", "Infinity", true, null, [1]].map((value) => numberOf(value as Json)),
  ).toEqual([1.5, 1.5, -2000, ...Array.from({ length: 8 }, () => undefined)]);
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) =>
      expect(numberOf(String(value))).toBe(value === 0 ? Number(String(value)) : value),
    ),
  );
});
