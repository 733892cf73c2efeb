import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { jsonFault } from "../../src/protect/json-fault.ts";

const parses = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe("jsonFault", () => {
  test.each([
    ["{", 1, 2, "the text ends, expected key or }"],
    ['{"a" 1}', 1, 6, 'found "1", expected :'],
    ['{"a":1,}', 1, 8, 'found "}", expected key'],
    ["[1\n 2]", 2, 2, 'found "2", expected , or end'],
    ["1 2", 1, 3, 'found "2", expected end of text'],
    ["[}", 1, 2, 'found "}", expected value or ]'],
    ["\n\n  tru", 3, 3, 'found "t", expected value'],
    ["[01]", 1, 3, 'found "1", expected , or end'],
    ['["🐎" 🐎]', 1, 7, 'found "🐎", expected , or end'],
  ])("%j", (text, ...fault) => {
    const [line, column, detail] = fault;
    expect(jsonFault(text)).toEqual({ line, column, detail });
  });

  test("agrees with JSON.parse on JSON", () => {
    fc.assert(fc.property(fc.json(), (text) => expect(jsonFault(text)).toBeUndefined()));
    fc.assert(
      fc.property(fc.jsonValue(), (value) => expect(jsonFault(JSON.stringify(value, undefined, 3))).toBeUndefined()),
    );
  });

  test("agrees with JSON.parse on damaged JSON, and points inside the text", () => {
    const damage = fc.tuple(
      fc.json(),
      fc.nat(),
      fc.nat({ max: 3 }),
      fc.constantFrom("", ",", "}", "]", '"', ":", "x", "1"),
    );
    fc.assert(
      fc.property(damage, ([json, at, removed, inserted]) => {
        const index = at % (json.length + 1);
        const text = json.slice(0, index) + inserted + json.slice(index + removed);
        const fault = jsonFault(text);
        expect(fault === undefined).toBe(parses(text));
        if (fault !== undefined) expect(fault.column).toBeLessThanOrEqual(text.length + 1);
      }),
      { numRuns: 2_000 },
    );
  });

  test("agrees with JSON.parse on arbitrary tokens", () => {
    const tokens = fc.array(
      fc.constantFrom("{", "}", "[", "]", ":", ",", '"a"', "1", "-0.5e3", "true", "null", " ", "\n"),
    );
    fc.assert(
      fc.property(tokens, (parts) => {
        const text = parts.join("");
        expect(jsonFault(text) === undefined).toBe(parses(text));
      }),
      { numRuns: 2_000 },
    );
  });
});
