import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { keepOutput } from "../../../src/mcp/exec/output.ts";

/** What is kept of chunks, at most `most` characters of each end. */
async function kept(chunks: readonly Uint8Array[], most: number) {
  const stream = new PassThrough();
  const output = keepOutput(stream, most);
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await finished(stream);
  return output();
}

test("short output is kept whole", async () => {
  expect(await kept([Buffer.from("one "), Buffer.from("two")], 100)).toEqual({
    head: "one two",
    tail: "",
    bytes: 7,
    cut: false,
  });
});

test("of long output the beginning and the end are kept, and how much there was", async () => {
  const output = await kept([Buffer.from(`begin${"x".repeat(10_000)}end`)], 8);
  expect(output).toEqual({ head: "beginxxx", tail: "xxxxxend", bytes: 10_008, cut: true });
});

test("a character that comes in two chunks stays one", async () => {
  const bytes = Buffer.from("äöü名");
  expect(
    (
      await kept(
        [...bytes].map((byte) => Buffer.from([byte])),
        100,
      )
    ).head,
  ).toBe("äöü名");
});

test("whatever comes in whatever chunks, head and tail are the ends of it", async () => {
  const chunks = fc.array(fc.string({ unit: "grapheme", maxLength: 20 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(chunks, fc.integer({ min: 1, max: 40 }), async (texts, most) => {
      const whole = texts.join("");
      const { head, tail, bytes } = await kept(
        texts.map((text) => Buffer.from(text)),
        most,
      );
      expect(whole.toWellFormed().startsWith(head.slice(0, -1))).toBe(true);
      expect(whole.toWellFormed().endsWith(tail.slice(1))).toBe(true);
      expect(head.length).toBeLessThanOrEqual(most);
      expect(tail.length).toBeLessThanOrEqual(most);
      expect(bytes).toBe(Buffer.byteLength(whole));
    }),
  );
});
