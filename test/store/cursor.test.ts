import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { checkLimit, decodeCursor, encodeCursor } from "../../src/store/cursor.ts";

const hex = fc.stringMatching(/^[0-9a-f]{32}$/).filter((id) => !/^0+$/.test(id));
const position = fc.record({ startNs: fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 2n }), traceId: hex });

describe("cursors", () => {
  test("come back as the position they were made from", () => {
    fc.assert(fc.property(position, (one) => expect(decodeCursor(encodeCursor(one))).toEqual(one)));
  });

  test("with one character changed are refused or name another position", () => {
    fc.assert(
      fc.property(position, fc.nat(), fc.string({ maxLength: 1 }), (one, at, other) => {
        const cursor = encodeCursor(one);
        const index = at % cursor.length;
        const changed = cursor.slice(0, index) + other + cursor.slice(index + 1);
        fc.pre(changed !== cursor);
        const outcome = (() => {
          try {
            return decodeCursor(changed);
          } catch (thrown) {
            return (thrown as { code: string }).code;
          }
        })();
        expect(outcome).not.toEqual(one);
        if (typeof outcome === "string") expect(outcome).toBe("usage");
        else expect(encodeCursor(outcome)).toBe(changed);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    `1:${"0".repeat(32)}`,
    `${2n ** 63n}:${"a".repeat(32)}`,
    `01:${"a".repeat(32)}`,
    `-0:${"a".repeat(32)}`,
    `1:${"A".repeat(32)}`,
  ])("the position %s is refused", (text) => {
    expect(() => decodeCursor(Buffer.from(text).toString("base64url"))).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
  });

  test("limits from 1 to 1,000 pass", () => {
    expect(() => [1, 20, 1_000].forEach(checkLimit)).not.toThrow();
    expect(() => checkLimit(1_001)).toThrow(expect.objectContaining({ code: "usage" }));
  });
});
