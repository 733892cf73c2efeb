import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { bucketQuantile, type Bucket } from "../../src/stats/buckets.ts";

/** Buckets between these edges. */
const between = (edges: readonly number[], counts: readonly number[]): readonly Bucket[] =>
  counts.map((count, at) => ({ lower: edges[at] ?? 0, upper: edges[at + 1] ?? 0, count }));

const bucket = fc
  .tuple(fc.integer({ min: -100, max: 100 }), fc.nat(50), fc.nat(20))
  .map(([lower, width, count]) => ({ lower, upper: lower + width, count }));
const rank = fc.double({ min: 0, max: 1, noNaN: true });

describe("bucketQuantile", () => {
  test.each<[number, number]>([
    [0, 0],
    [0.25, 0.5],
    [0.5, 1],
    [0.75, 3],
    [1, 5],
  ])("the quantile %p of 2 values in (0, 1] and 2 in (1, 5] is %p", (q, expected) => {
    expect(bucketQuantile(between([0, 1, 5], [2, 2]), q)).toBe(expected);
  });

  test("values at one place are that place, from where the count jumps", () => {
    const buckets = [
      { lower: 0, upper: 1, count: 1 },
      { lower: 1, upper: 1, count: 2 },
    ];
    expect([0.2, 0.5, 1].map((q) => bucketQuantile(buckets, q))).toEqual([expect.closeTo(0.6, 12), 1, 1]);
  });

  test("histograms with other bounds are estimated together", () => {
    const buckets = [...between([0, 2], [4]), ...between([1, 3], [4])];
    // 2 up to 1, then 4 from 1 to 2, then 2.
    expect([0.25, 0.5, 0.75].map((q) => bucketQuantile(buckets, q))).toEqual([1, 1.5, 2]);
  });

  test("no values have no quantile; empty buckets say nothing", () => {
    expect(bucketQuantile([], 0.5)).toBeUndefined();
    expect(bucketQuantile(between([0, 1], [0]), 0.5)).toBeUndefined();
    expect(bucketQuantile(between([0, 1, 2, 9], [0, 1, 0]), 1)).toBe(2);
    expect(bucketQuantile(between([0, 1, 2, 9], [0, 1, 0]), 0)).toBe(1);
  });

  test.each([-0.1, 1.1, Number.NaN])("the rank %p is a defect", (q) => {
    expect(() => bucketQuantile(between([0, 1], [1]), q)).toThrow(expect.objectContaining({ code: "defect" }));
  });

  test("at the quantile, as much lies below as it says; a higher rank never gives less", () => {
    fc.assert(
      fc.property(fc.array(bucket, { minLength: 1 }), rank, rank, (buckets, p, q) => {
        const total = buckets.reduce((sum, { count }) => sum + count, 0);
        fc.pre(total > 0);
        const at = bucketQuantile(buckets, q) ?? Number.NaN;
        const share = (isStrict: boolean) =>
          buckets.reduce((sum, { lower, upper, count }) => {
            if (lower === upper) return sum + (lower < at || (lower === at && !isStrict) ? count : 0);
            return sum + count * Math.min(1, Math.max(0, (at - lower) / (upper - lower)));
          }, 0) / total;
        expect(share(true)).toBeLessThanOrEqual(q + 1e-9);
        expect(share(false)).toBeGreaterThanOrEqual(q - 1e-9);
        const [low, high] = [p, q].sort((a, b) => a - b).map((one) => bucketQuantile(buckets, one) ?? Number.NaN);
        expect(low).toBeLessThanOrEqual((high ?? 0) + 1e-9);
      }),
    );
  });
});
