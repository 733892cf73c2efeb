import { gunzipSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { spanPacker, unpackSpans } from "../../src/loop/span-pack.ts";
import type { Span } from "../../src/model/span.ts";
import { anySpan, plainSpan } from "../capture/fixtures/spans.ts";

async function pack(batches: readonly (readonly Span[])[]): Promise<Uint8Array> {
  const packer = spanPacker();
  for (const batch of batches) await packer.add(batch);
  return await packer.finish();
}

const identity = ({ traceId, spanId, kind }: Span): string => `${traceId} ${spanId} ${kind}`;

test("what was packed in any batches is unpacked, every span once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(anySpan, { maxLength: 4 }), { maxLength: 4 }), async (batches) => {
      const unpacked = unpackSpans(await pack(batches));
      const byIdentity = (a: Span, b: Span): number => (identity(a) < identity(b) ? -1 : 1);
      expect(unpacked.toSorted(byIdentity)).toEqual(batches.flat().toSorted(byIdentity));
    }),
  );
});

test("nothing packed is nothing unpacked", async () => {
  expect(unpackSpans(await pack([]))).toEqual([]);
});

test("is one document a line, and the same bytes for the same spans", async () => {
  const batches = [[plainSpan], [{ ...plainSpan, spanId: "1".repeat(16) }]];
  const packed = await pack(batches);
  const lines = gunzipSync(packed).toString("utf8").split("\n");
  expect(lines.map((line) => line.slice(0, 16))).toEqual(['{"resourceSpans"', '{"resourceSpans"', ""]);
  expect(Buffer.from(await pack(batches)).equals(packed)).toBe(true);
});

test("more than fits any buffer is packed whole", async () => {
  const batch = Array.from({ length: 2_000 }, (_, n): Span => ({
    ...plainSpan,
    traceId: (n + 1).toString(16).padStart(32, "0"),
  }));
  const many = Array.from({ length: 5 }, () => batch);
  expect(unpackSpans(await pack(many))).toHaveLength(10_000);
});
