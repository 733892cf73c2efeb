import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { digestOf, sha256 } from "../../src/protect/digest.ts";

test("sha256 of known texts (FIPS 180-4 examples)", () => {
  expect(sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  expect(sha256("")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

test("text and its UTF-8 bytes have one digest", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(sha256(text)).toBe(sha256(new TextEncoder().encode(text)));
    }),
  );
});

test("digestOf does not see the order of keys, and sees every value", () => {
  expect(digestOf({ a: 1, b: { c: 2, d: 3 } })).toBe(digestOf({ b: { d: 3, c: 2 }, a: 1 }));
  expect(digestOf({ a: 1 })).not.toBe(digestOf({ a: "1" }));
  expect(digestOf([1, 2])).not.toBe(digestOf([2, 1]));
});
