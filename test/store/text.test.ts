import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Json } from "../../src/model/json.ts";
import { attributeCodes, decodeJson, decodeText, encodeJson, encodeKey, encodeText } from "../../src/store/text.ts";

/** Any sequence of UTF-16 units, well-formed or not. */
const units = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 0x22, 0x5c, 0x7f, 0xd800, 0xdc00)), {
    maxLength: 6,
  })
  .map((codes) => String.fromCharCode(...codes));

const tree: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    units,
    fc.boolean(),
    fc.constant(null),
    fc.integer(),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(fc.tuple(units, tie("value")), { maxLength: 3 }).map((members) => Object.fromEntries(members) as Json),
  ),
})).value;

const isKept = (text: string): boolean => text.isWellFormed() && !text.includes("\0");

describe("codes of foreign text", () => {
  test("text comes back, and its code has nothing that an engine refuses", () => {
    fc.assert(
      fc.property(units, (text) => {
        expect(decodeText(encodeText(text))).toBe(text);
        expect(isKept(encodeText(text))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test("JSON comes back, its code has no escape for NUL or half a pair, and no member name needs an escape", () => {
    fc.assert(
      fc.property(tree, (value) => {
        const code = encodeJson(value);
        expect(decodeJson(code)).toEqual(value);
        const strings = JSON.stringify(JSON.parse(code), (_, member: unknown) => member);
        expect(strings).not.toMatch(/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/);
        expect(code).not.toMatch(/[^\\](?:\\\\)*\\"?":/);
      }),
      { numRuns: 1_000 },
    );
  });

  test("plain values are stored as they are", () => {
    const value = { a: 'say "hi"\n', "http.route": ["x", 1, true, null], é: "😀" };
    expect(encodeJson(value)).toBe(JSON.stringify(value));
    expect(encodeText("GET /notes")).toBe("GET /notes");
  });

  test("member names that JSON would escape are written without an escape", () => {
    for (const key of ['"', "\\", "\n", "\0", "\ud800", "\u007f"]) {
      const code = encodeKey(key);
      expect(JSON.stringify(code)).toBe(`"${code}"`);
      expect(decodeJson(encodeJson({ [key]: 1 }))).toEqual({ [key]: 1 });
    }
  });

  test("nesting of any depth comes back, and no code is nested deeper than engines parse", () => {
    for (const depth of [1, 63, 64, 65, 66, 1_000]) {
      const text = `{"a":${"[".repeat(depth)}{"\\"":"\\u0000"}${"]".repeat(depth)}}`;
      const value = JSON.parse(text) as Json;
      const code = encodeJson(value);
      expect(JSON.stringify(decodeJson(code))).toBe(JSON.stringify(value));
      expect(code.replaceAll(/"(?:\\.|[^"\\])*"/g, "").split("[").length).toBeLessThanOrEqual(65);
    }
  });
});

describe("codes of a filter text", () => {
  test("name the string with that content, and the value with that JSON text", () => {
    expect(attributeCodes("notes")).toEqual(['"notes"']);
    expect(attributeCodes("42")).toEqual(['"42"', "42"]);
    expect(attributeCodes("true")).toEqual(['"true"', "true"]);
    expect(attributeCodes('"42"')).toEqual([String.raw`"\"42\""`]);
    expect(attributeCodes("4.20")).toEqual(['"4.20"']);
    expect(attributeCodes("[1, 2]")).toEqual(['"[1, 2]"']);
  });

  test("one of them is what the attribute is stored as", () => {
    fc.assert(
      fc.property(tree, (value) => {
        const text = typeof value === "string" ? value : JSON.stringify(value);
        // The name is one level, so the value's code is what stands between it and the closing brace.
        const stored = encodeJson({ k: value }).slice('{"k":'.length, -1);
        expect(attributeCodes(text)).toContain(stored);
      }),
      { numRuns: 1_000 },
    );
  });
});
