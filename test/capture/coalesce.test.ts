import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { coalesce } from "../../src/capture/coalesce.ts";
import { lineFramer } from "../../src/capture/framing.ts";

const sizes = (parts: readonly Uint8Array[]): number[] => parts.map(({ length }) => length);

describe("coalesce", () => {
  test("the bytes are the same, whatever the parts are: views side by side, apart, overlapping, empty, of other buffers", () => {
    const view = fc.tuple(fc.constantFrom(0, 1), fc.nat({ max: 60 }), fc.nat({ max: 20 }));
    fc.assert(
      fc.property(fc.array(view, { maxLength: 12 }), (views) => {
        const buffers = [0, 100].map((first) => Uint8Array.from({ length: 80 }, (_, at) => first + at));
        const parts = views.map(([which, start, length]) =>
          (buffers[which] ?? new Uint8Array()).subarray(start, start + length),
        );
        const joined = coalesce(parts);
        expect(Buffer.concat(joined)).toEqual(Buffer.concat(parts));
        expect(joined.length).toBeLessThanOrEqual(Math.max(1, parts.length));
      }),
    );
  });

  test("the lines of a chunk that pass unchanged are one view of it, copied nowhere", () => {
    const chunk = Buffer.from("one\ntwo\nthree\n");
    const [only, ...rest] = coalesce(
      lineFramer()
        .push(chunk)
        .map(({ bytes }) => bytes),
    );
    expect([only?.buffer === chunk.buffer, only?.byteOffset, only?.length]).toEqual([
      true,
      chunk.byteOffset,
      chunk.length,
    ]);
    expect(rest).toEqual([]);
  });

  test("small parts are copied into one, large ones stand for themselves", () => {
    const [a, b, big, c] = [10, 20, 1_000_000, 30].map((length) => new Uint8Array(length)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    const joined = coalesce([a, b, big, c]);
    expect(sizes(joined)).toEqual([30, 1_000_000, 30]);
    expect(joined[1]).toBe(big);
    expect(coalesce([big])).toEqual([big]);
    expect(coalesce([])).toEqual([]);
  });
});
