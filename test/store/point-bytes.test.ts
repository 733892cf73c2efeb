import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodePoint, encodePoint, type DistributionValue } from "../../src/store/point-bytes.ts";
import { counts, pointSet } from "./points.ts";

const isDistribution = (value: { readonly kind: string }): value is DistributionValue =>
  value.kind !== "number" && value.kind !== "none";

const KINDS = ["histogram", "exponential_histogram", "summary"] as const;

describe("code of a distribution", () => {
  test("gives back what it was made of", () => {
    fc.assert(
      fc.property(pointSet, (points) => {
        for (const value of points.map((point) => point.value).filter(isDistribution)) {
          expect(decodePoint(value.kind, encodePoint(value))).toEqual(value);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("a histogram of fifteen buckets with sum, least and greatest takes little more than a byte per bucket", () => {
    const value = { ...(counts(...Array.from({ length: 15 }, (_, n) => n * 8)) as DistributionValue), min: 1, max: 2 };
    expect(encodePoint(value).length).toBeLessThanOrEqual(2 + 2 + 3 * 8 + 1 + 15);
  });

  test("any other bytes are damage or a value, never something else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...KINDS), fc.boolean(), (bytes, kind, isOurs) => {
        const code = isOurs ? Uint8Array.from([1, ...bytes]) : bytes;
        try {
          expect(decodePoint(kind, code).kind).toBe(kind);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: "store_read_failed" });
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("a code that is cut is damage", () => {
    const bytes = encodePoint(counts(1, 2, 300) as DistributionValue);
    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => decodePoint("histogram", bytes.slice(0, length))).toThrow(
        expect.objectContaining({ code: "store_read_failed" }),
      );
    }
  });
});
