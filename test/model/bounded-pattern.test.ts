import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { patternFault } from "../../src/model/bounded-pattern.ts";

describe("patternFault", () => {
  test.each([
    "CUST-\\d{1,10}",
    "(?:-[a-z]{1,8})?x",
    "\\w{1,64}@\\w{1,64}\\.example",
    "[0-9]{3}-[0-9]{2}",
    "\\p{L}{2}|[*+?]{1,3}\\*\\+\\{2,\\}",
    "\\d{4}[ -]?\\d{4}[ -]?\\d{4}[ -]?\\d{4}",
    "(?<kind>a|b)-x",
  ])("lets %s pass", (source) => {
    expect(patternFault(source)).toBeUndefined();
  });

  test.each([
    ["", "empty"],
    ["x".repeat(257), "longer"],
    ["[", "Invalid"],
    ["a*", "no upper bound"],
    ["(a+)+", "no upper bound"],
    ["a{2,}", "no upper bound"],
    ["(a{1,5}){2,9}", "holds another"],
    ["(a|ab){1,9}c", "holds another"],
    ["(a)\\1", "refers back"],
    ["(?<n>a)\\k<n>", "refers back"],
    ["(?=a)b", "looks around"],
    ["(?<!a)b", "looks around"],
    ["a?", "empty text"],
    ["a{1,100}b{1,100}", "ways"],
    ["x{5000}", "characters"],
  ])("refuses %j: %s", (source, why) => {
    expect(patternFault(source)).toContain(why);
  });

  test("never throws, and what it lets pass is a regular expression", () => {
    const source = fc.string({ unit: fc.constantFrom(...Array.from("ab(){}[]|?*+\\,19.^$:<=!-dpLu")) });
    fc.assert(
      fc.property(source, (text) => {
        if (patternFault(text) === undefined) expect(() => new RegExp(text, "gu")).not.toThrow();
      }),
      { numRuns: 2_000 },
    );
  });

  test("what it lets pass ends soon on hostile text", () => {
    const hostile = "a".repeat(20_000);
    for (const source of ["a{1,70}a{1,70}b", "(?:a{1,35}b)?(?:a{1,30}c)?d"]) {
      expect(patternFault(source)).toBeUndefined();
      expect(hostile.search(new RegExp(source, "u"))).toBe(-1);
    }
  });
});
