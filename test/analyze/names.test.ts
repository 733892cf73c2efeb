import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { boundedName, msInText, nameInText, shareInText } from "../../src/analyze/names.ts";

const anyName = fc.string({ unit: "binary", maxLength: 400 });

describe("nameInText", () => {
  test("keeps what names are made of and replaces the rest", () => {
    expect(nameInText("tools/call search_notes")).toBe("tools/call search_notes");
    expect(nameInText("x`; [ignore] <b>\n\u001B[31m")).toBe("x?? ?ignore? ?b????31m");
  });

  test("property: only harmless characters, bounded length", () => {
    fc.assert(
      fc.property(anyName, (name) => {
        expect(nameInText(name)).toMatch(/^[A-Za-z0-9._/ ?-]{0,80}$/);
      }),
    );
  });
});

describe("boundedName", () => {
  test("leaves names up to 160 characters alone and keeps long ones apart", () => {
    expect(boundedName("n".repeat(160))).toBe("n".repeat(160));
    const [a, b] = [boundedName(`${"n".repeat(300)}a`), boundedName(`${"n".repeat(300)}b`)];
    expect(a).not.toBe(b);
    expect(a).toMatch(/^n{151}~[0-9a-f]{8}$/);
  });

  test("property: bounded, the same each time, and well-formed where the name is", () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const bounded = boundedName(name);
        expect(bounded.length).toBeLessThanOrEqual(160);
        expect(boundedName(bounded)).toBe(bounded);
        expect(bounded.isWellFormed()).toBe(name.isWellFormed());
      }),
    );
  });
});

test.each([
  [120.4, "120 ms"],
  [0.34567, "0.346 ms"],
  [12_345, "12300 ms"],
  [0, "0 ms"],
])("%d ms reads %s", (ms, text) => {
  expect(msInText(ms)).toBe(text);
});

test("shares read as per cent", () => {
  expect([0, 0.125, 1].map(shareInText)).toEqual(["0 %", "12.5 %", "100 %"]);
});
