import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { concat, lineFramer, type Piece } from "../../src/capture/framing.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (piece: Piece | undefined) => new TextDecoder().decode(piece?.bytes);
const join = (pieces: readonly Piece[]) =>
  concat(
    pieces.map((piece) => piece.bytes),
    pieces.reduce((sum, piece) => sum + piece.bytes.length, 0),
  );

/** All pieces of an input that is fed in chunks of the given sizes (repeated as needed). */
function frame(input: Uint8Array, sizes: readonly number[], limit?: number): Piece[] {
  const framer = lineFramer(limit);
  const pieces: Piece[] = [];
  for (let at = 0, turn = 0; at < input.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    pieces.push(...framer.push(input.subarray(at, at + size)));
    at += size;
  }
  return [...pieces, ...framer.end()];
}

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
const lines = fc.array(fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("", "\r", '{"id":1}', "äöü 🎈")));

describe("lineFramer", () => {
  test("keeps CRLF, empty lines, text that is no JSON and a last line without an end", () => {
    const pieces = frame(bytesOf('{"a":1}\r\n\nhello\nlast'), [3]);
    expect(pieces.map(textOf)).toEqual(['{"a":1}\r\n', "\n", "hello\n", "last"]);
    expect(pieces.every((piece) => piece.whole)).toBe(true);
  });

  test("a character split over two chunks is not harmed", () => {
    expect(frame(bytesOf("ü\n"), [1]).map(textOf)).toEqual(["ü\n"]);
  });

  test("for any bytes and any chunking the output is the input", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), sizes, (input, chunks) => {
        expect(join(frame(input, chunks))).toEqual(input);
      }),
    );
  });

  test("for any chunking the pieces are the lines", () => {
    fc.assert(
      fc.property(lines, sizes, (given, chunks) => {
        const input = given.map((line) => `${line.replaceAll("\n", "")}\n`);
        expect(frame(bytesOf(input.join("")), chunks).map(textOf)).toEqual(input);
      }),
    );
  });

  test("a line above the limit passes in parts that are no whole line, the next line is whole again", () => {
    fc.assert(
      fc.property(fc.integer({ min: 11, max: 200 }), sizes, (length, chunks) => {
        const input = bytesOf(`${"x".repeat(length)}\nshort\n`);
        const pieces = frame(input, chunks, 10);
        expect(join(pieces)).toEqual(input);
        expect(pieces.filter((piece) => piece.whole).map(textOf)).toEqual(["short\n"]);
        expect(pieces.every((piece) => piece.bytes.length <= 10 + 40 || !piece.whole)).toBe(true);
      }),
    );
  });

  test("a message of 50 MB comes out whole", () => {
    const size = 50 * 1024 * 1024;
    const input = new Uint8Array(size).fill(0x61);
    input[size - 1] = 0x0a;
    const pieces = frame(input, [65_536]);
    expect(pieces.map((piece) => [piece.whole, piece.bytes.length])).toEqual([[true, size]]);
  });
});
