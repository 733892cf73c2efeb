import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { inBatches } from "../../src/store/batch.ts";

describe("a stream in batches", () => {
  test("yields every item once, in order, and asks no more often than it must", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(30), fc.integer({ min: 1, max: 7 }), async (count, size) => {
        let asked = 0;
        const next = async (last: number | undefined): Promise<number[]> => {
          asked += 1;
          const from = (last ?? -1) + 1;
          return Array.from({ length: Math.min(size, count - from) }, (_, at) => from + at);
        };
        const batches: (readonly number[])[] = [];
        for await (const batch of inBatches(size, next)) batches.push(batch);
        expect(batches.flat()).toEqual(Array.from({ length: count }, (_, n) => n));
        expect(batches.every(({ length }) => length > 0 && length <= size)).toBe(true);
        expect(asked).toBe(Math.floor(count / size) + 1);
      }),
    );
  });

  test("asks for a batch only when it is wanted, and for none after the reader has enough", async () => {
    const asked: (number | undefined)[] = [];
    const stream = inBatches<number>(2, async (last) => {
      asked.push(last);
      return [(last ?? 0) + 1, (last ?? 0) + 2];
    });
    expect(asked).toEqual([]);
    for await (const batch of stream) if (batch.includes(4)) break;
    expect(asked).toEqual([undefined, 2]);
  });
});
