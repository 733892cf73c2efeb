import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Sketch } from "../../src/stats/sketch.ts";
import { addEncodedSketch, encodeSketch } from "../../src/store/sketch-bytes.ts";

const sketches: fc.Arbitrary<Sketch> = fc
  .array(
    fc.tuple(
      fc.nat(2_000),
      fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    ),
  )
  .map((bins) => new Map(bins));

function decoded(bytes: Uint8Array): Sketch {
  const sketch = new Map<number, number>();
  addEncodedSketch(sketch, bytes);
  return sketch;
}

describe("codes of sketches", () => {
  test("come back, and do not depend on the order in which bins were filled", () => {
    fc.assert(
      fc.property(sketches, (sketch) => {
        const bytes = encodeSketch(sketch);
        expect(decoded(bytes)).toEqual(sketch);
        expect(encodeSketch(new Map([...sketch].reverse()))).toEqual(bytes);
      }),
    );
  });

  test("add to what a sketch holds", () => {
    const sketch = new Map([
      [3, 1],
      [5, 2],
    ]);
    addEncodedSketch(
      sketch,
      encodeSketch(
        new Map([
          [5, 10],
          [9, 1],
        ]),
      ),
    );
    expect(sketch).toEqual(
      new Map([
        [3, 1],
        [5, 12],
        [9, 1],
      ]),
    );
  });

  test("are small: four bytes for one duration, two per bin where bins are close", () => {
    expect(encodeSketch(new Map([[800, 1]]))).toHaveLength(4);
    expect(encodeSketch(new Map(Array.from({ length: 60 }, (_, n) => [800 + n, 1])))).toHaveLength(122);
  });

  test("cut at any byte are refused or hold whole bins only; other formats are refused", () => {
    const whole = encodeSketch(
      new Map([
        [800, 1_000],
        [900, 5],
      ]),
    );
    for (let length = 0; length < whole.length; length += 1) {
      const part = whole.subarray(0, length);
      if (length === 1 || length === 5) expect([...decoded(part)].length).toBe(length === 1 ? 0 : 1);
      else expect(() => decoded(part)).toThrow(expect.objectContaining({ code: "store_read_failed" }));
    }
    expect(() => decoded(Uint8Array.from([2, 1, 1]))).toThrow(expect.objectContaining({ code: "store_read_failed" }));
  });
});
