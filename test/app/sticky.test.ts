import { describe, expect, test } from "@jest/globals";
import { readSections, withSection } from "../../src/app/sticky.ts";
import fc from "../support/fast-check.ts";

const body = fc.string({
  unit: fc.constantFrom("a", "\n", " ", "<!--", "-->", "|", "`", "🐎", "#", "section 1"),
  maxLength: 40,
});
const step = fc.record({ key: fc.integer({ min: 1, max: 8 }), body });

describe("answers in one comment", () => {
  test("the answer that was put in stands there, once, whatever stood there before", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        let comment: string | undefined;
        for (const one of steps) {
          comment = withSection(comment, one);
          const found = readSections(comment).filter(({ key }) => key === one.key);
          expect(found).toEqual([{ key: one.key, body: one.body.replaceAll("<!--", "&lt;!--").trim() }]);
          expect(readSections(comment).length).toBeLessThanOrEqual(5);
        }
      }),
    );
  });

  test("the same answer again changes nothing", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), step, (steps, last) => {
        const comment = [...steps, last].reduce<string | undefined>(withSection, undefined);
        expect(withSection(comment, last)).toBe(comment);
      }),
    );
  });

  test("what is cut off is said, and a comment never outgrows what GitHub takes", () => {
    let comment: string | undefined;
    for (let key = 1; key <= 9; key += 1) comment = withSection(comment, { key, body: "x".repeat(20_000) });
    expect(readSections(comment ?? "").map(({ key }) => key)).toEqual([9, 8, 7]);
    expect(comment).toContain("edit history");
    expect(comment?.length).toBeLessThan(65_536);
    const huge = withSection(comment, { key: 1, body: "y".repeat(70_000) });
    expect(readSections(huge).map(({ key }) => key)).toEqual([1]);
  });
});
