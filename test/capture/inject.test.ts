import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { applySplices, traceparentSplice } from "../../src/capture/inject.ts";
import { elements, memberValue, skipSpace } from "../../src/capture/json-scan.ts";

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** The text with the splices applied to its bytes. */
const spliced = (text: string, splices: Parameters<typeof applySplices>[2]): string =>
  new TextDecoder().decode(applySplices(new TextEncoder().encode(text), text, splices));

const inject = (text: string) => {
  const splice = traceparentSplice(text, skipSpace(text, 0), TRACEPARENT);
  return splice === undefined ? undefined : spliced(text, [splice]);
};

/** JSON text with white space of every kind and numbers in forms that `JSON.stringify` never writes. */
const space = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 2 });
const number = fc.constantFrom("0", "-0", "1.50", "1E5", "12345678901234567890", "-0.10e-07");
const string = fc
  .oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("a\\", '"', "{", "},", "\u0000"))
  .map((s) => JSON.stringify(s));
const key = fc.oneof(string, fc.constantFrom('"_meta"', '"params"', '"traceparent"', '"__proto__"', '"\\u0069d"'));
const { value } = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, number, string, fc.constantFrom("true", "null"), tie("object"), tie("array")),
  object: fc
    .tuple(fc.array(fc.tuple(key, tie("value"), space), { maxLength: 4 }), space)
    .map(([entries, gap]) => `{${gap}${entries.map(([k, v, s]) => `${k}${s}:${s}${v}`).join(`,${gap}`)}${gap}}`),
  array: fc
    .tuple(fc.array(tie("value"), { maxLength: 4 }), space)
    .map(([items, gap]) => `[${gap}${items.join(`${gap},${gap}`)}${gap}]`),
}));
const object = value.filter((text) => text.startsWith("{"));

/** Plain data of parsed JSON, `__proto__` members included. */
const parse = (text: string): unknown => JSON.parse(text);
const entriesOf = (parsed: unknown) => new Map(Object.entries(parsed as object));

describe("json-scan", () => {
  test("finds the members that JSON.parse finds, with their values", () => {
    fc.assert(
      fc.property(object, (text) => {
        for (const [name, expected] of entriesOf(parse(text))) {
          const { start, end } = memberValue(text, 0, name) ?? { start: 0, end: 0 };
          expect(parse(text.slice(start, end))).toEqual(expected);
        }
      }),
    );
  });

  test("finds the elements that JSON.parse finds", () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5 }), space, (items, gap) => {
        const text = `[${gap}${items.join(`${gap},`)}${gap}]`;
        expect([...elements(text, 0)].map((place) => text.slice(place.start, place.end))).toEqual(items);
      }),
    );
  });

  test("takes the last of two equal keys, as JSON.parse does", () => {
    const text = '{"id":1, "id" : 22 }';
    const place = memberValue(text, 0, "id");
    expect(text.slice(place?.start, place?.end)).toBe("22");
    expect(memberValue(text, 0, "no")).toBeUndefined();
    // A key is what it reads as, not how it is written.
    expect(memberValue('{"\\u0069d":1}', 0, "\\u0069d")).toBeUndefined();
  });
});

describe("traceparentSplice", () => {
  test("adds what is missing, at each level", () => {
    const meta = `"_meta":{"traceparent":"${TRACEPARENT}"}`;
    expect(inject('{"method":"ping"}')).toBe(`{"params":{${meta}},"method":"ping"}`);
    expect(inject('{"method":"a","params":{}}')).toBe(`{"method":"a","params":{${meta}}}`);
    expect(inject('{"method":"a","params":{ "n":1.0}}')).toBe(`{"method":"a","params":{${meta}, "n":1.0}}`);
    expect(inject('{"params":{"_meta":{}}}')).toBe(`{"params":{${meta}}}`);
    expect(inject('{"params":{"_meta":{"progressToken":7}}}')).toBe(
      `{"params":{"_meta":{"traceparent":"${TRACEPARENT}","progressToken":7}}}`,
    );
  });

  test("replaces a traceparent and leaves the tracestate beside it", () => {
    expect(inject('{"params":{"_meta":{"traceparent" : "old","tracestate":"a=1"}}}')).toBe(
      `{"params":{"_meta":{"traceparent" : "${TRACEPARENT}","tracestate":"a=1"}}}`,
    );
  });

  test("leaves a message alone whose params or _meta is no object", () => {
    expect(inject('{"params":[1,2]}')).toBeUndefined();
    expect(inject('{"params":{"_meta":"x"}}')).toBeUndefined();
    expect(inject('{"params":null}')).toBeUndefined();
  });

  test("only params._meta.traceparent changes, whatever else the message holds", () => {
    fc.assert(
      fc.property(object, (text) => {
        const before = parse(text) as { params?: { _meta?: { traceparent?: unknown } } };
        const after = inject(text);
        if (after === undefined) return;
        const params = Object.hasOwn(before, "params") ? before.params : {};
        const meta = params !== undefined && Object.hasOwn(params, "_meta") ? params._meta : {};
        const expected = entriesOf(before).set(
          "params",
          Object.fromEntries(
            entriesOf(params).set("_meta", Object.fromEntries(entriesOf(meta).set("traceparent", TRACEPARENT))),
          ),
        );
        expect(entriesOf(parse(after))).toEqual(expected);
      }),
    );
  });

  test("the text before and after the change stays byte for byte", () => {
    fc.assert(
      fc.property(object, (text) => {
        const splice = traceparentSplice(text, 0, TRACEPARENT);
        if (splice === undefined) return;
        const after = spliced(text, [splice]);
        expect(after.startsWith(text.slice(0, splice.start))).toBe(true);
        expect(after.endsWith(text.slice(splice.end))).toBe(true);
        const removed = text.slice(splice.start, splice.end);
        const replaced = removed !== "" && after.length === text.length - removed.length + TRACEPARENT.length + 2;
        expect(removed === "" || replaced).toBe(true);
      }),
    );
  });
});
