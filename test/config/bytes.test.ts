import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatBytes, parseBytes } from "../../src/config/bytes.ts";

describe("sizes", () => {
  test.each([
    ["0B", 0],
    ["500MB", 500e6],
    ["1.5GB", 1.5e9],
    ["2GiB", 2 ** 31],
    [" 10kB ", 10_000],
    ["3TB", 3e12],
  ])("%j is %d bytes", (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  test.each(["", "10", "GB", "10 GB", "10gb", "-1MB", "1e3MB", "1.MB", "NaNMB", "10MBs"])("%j is no size", (text) => {
    expect(() => parseBytes(text)).toThrow(expect.objectContaining({ code: "usage" }));
  });

  test("what is printed for people is within 5 % when it is read again", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9e14 }), (bytes) => {
        const read = parseBytes(formatBytes(bytes).replace(" ", ""));
        expect(Math.abs(read - bytes)).toBeLessThanOrEqual(bytes * 0.05);
      }),
    );
    expect([0, 999, 1_000, 123_456_789, 4.2e9].map(formatBytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "123 MB",
      "4.2 GB",
    ]);
  });
});
