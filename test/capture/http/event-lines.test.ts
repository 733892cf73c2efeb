import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { eventLines, valueOf, type EventLine } from "../../../src/capture/http/event-lines.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Cuts a text at these places and pushes the parts. */
function read(text: string, cuts: readonly number[] = [], limitBytes = 1_000): EventLine[] {
  const bytes = encode(text);
  const lines = eventLines(limitBytes);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const parts = places.slice(1).map((end, at) => bytes.subarray(places[at], end));
  return [...parts.flatMap((part) => lines.push(part)), ...lines.end()];
}
const shown = (lines: readonly EventLine[]) => lines.map(({ kind, bytes }) => [kind, decode(bytes)]);

describe("eventLines", () => {
  test("tells data, ids, blank lines and the rest apart, whatever ends a line", () => {
    const text = ": hi\nid: 1\r\ndata: a\rdata\nretry:5\n\r\n";
    expect(shown(read(text))).toEqual([
      ["other", ": hi\n"],
      ["id", "id: 1\r\n"],
      ["data", "data: a\r"],
      ["data", "data\n"],
      ["other", "retry:5\n"],
      ["blank", "\r\n"],
    ]);
  });

  test.each(["database: x\n", "identity: x\n", "dat\n", " data: x\n", "Data: x\n"])(
    "%j is neither data nor id",
    (text) => {
      expect(shown(read(text))).toEqual([["other", text]]);
    },
  );

  test("a comment goes on before its line ends; a data line only as a whole", () => {
    const lines = eventLines(1_000);
    expect(shown(lines.push(encode(": keep")))).toEqual([["other", ": keep"]]);
    expect(shown(lines.push(encode("-alive\ndata: {")))).toEqual([["rest", "-alive\n"]]);
    expect(shown(lines.push(encode("}\n")))).toEqual([["data", "data: {}\n"]]);
  });

  test("a CR at the end of a chunk ends its line at once; a LF that follows belongs to it", () => {
    const lines = eventLines(1_000);
    expect(shown(lines.push(encode("data: a\r")))).toEqual([["data", "data: a\r"]]);
    expect(shown(lines.push(encode("\n\n")))).toEqual([
      ["rest", "\n"],
      ["blank", "\n"],
    ]);
  });

  test("a data line above the limit goes on in parts", () => {
    const lines = eventLines(10);
    expect(lines.push(encode("data: 12345"))).toMatchObject([{ kind: "data", whole: false }]);
    expect(shown(lines.push(encode("678")))).toEqual([["rest", "678"]]);
    expect(shown(lines.push(encode("9\ndata: 1\n")))).toEqual([
      ["rest", "9\n"],
      ["data", "data: 1\n"],
    ]);
  });

  const pieces = fc.array(
    fc.constantFrom("data", "id", ":", " ", "ü", "x", "\n", "\r", "\r\n", "\n\n", "data: {}\n\n", ": c\n", "d", "da"),
    { maxLength: 30 },
  );
  const anyCuts = fc.array(fc.nat(200), { maxLength: 12 });

  test("loses and adds no byte, wherever the stream is cut and whatever the limit", () => {
    fc.assert(
      fc.property(pieces, anyCuts, fc.integer({ min: 1, max: 40 }), (texts, cuts, limit) => {
        const text = texts.join("");
        const bytes = read(text, cuts, limit).flatMap((line) => [...line.bytes]);
        expect(decode(new Uint8Array(bytes))).toBe(text);
      }),
    );
  });

  test("finds the same data lines and blank lines wherever the stream is cut", () => {
    const seen = (lines: readonly EventLine[]) =>
      lines
        .filter(({ kind }) => kind === "data" || kind === "blank")
        // Where the cut lies between CR and LF the LF comes by itself.
        .map(({ kind, bytes }) => [kind, decode(bytes).replaceAll(/[\r\n]/g, "")]);
    fc.assert(
      fc.property(pieces, anyCuts, (texts, cuts) => {
        const text = `${texts.join("")}\n`;
        expect(seen(read(text, cuts))).toEqual(seen(read(text)));
      }),
    );
  });
});

test.each([
  ["data: a b\r\n", "a b"],
  ["data:a\n", "a"],
  ["data:  a\n", " a"],
  ["data\n", ""],
  ["data:\r", ""],
  ["data: a:b", "a:b"],
])("the value of %j is %j", (line, value) => {
  const bytes = encode(line);
  const { start, end } = valueOf(bytes);
  expect(decode(bytes.subarray(start, end))).toBe(value);
});
