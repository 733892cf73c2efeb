import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { compareKeys, pageOf } from "../../src/dashboard/page.ts";

const key = fc.array(fc.constantFrom("", "a", "b", "ü", "\ud800", "a\0"), { minLength: 2, maxLength: 2 });
/** Sorted lists of distinct keys. */
const keys = fc
  .uniqueArray(key, { selector: (one) => JSON.stringify(one), maxLength: 20 })
  .map((list) => list.sort(compareKeys));

describe("pages of a list", () => {
  test("put together are the list, each with how much there is in all", () => {
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 8 }), (list, limit) => {
        const got: (readonly string[])[] = [];
        let cursor: string | undefined;
        do {
          const page = pageOf(list, (one) => one, { limit, cursor });
          expect(page).toMatchObject({ total: list.length, returned: page.items.length });
          expect(page.items.length).toBeLessThanOrEqual(limit);
          got.push(...page.items);
          cursor = page.nextCursor;
        } while (cursor !== undefined);
        expect(got).toEqual(list);
      }),
    );
  });

  test("what comes and goes between two pages shifts nothing", () => {
    fc.assert(
      fc.property(keys, keys, (list, others) => {
        const [first] = [pageOf(list, (one) => one, { limit: 3 })];
        fc.pre(first.nextCursor !== undefined);
        const last = first.items.at(-1) ?? [];
        const rest = pageOf(others, (one) => one, { limit: 100, cursor: first.nextCursor });
        expect(rest.items).toEqual(others.filter((one) => compareKeys(one, last) > 0));
      }),
    );
  });

  test("keys are in one total order", () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(-Math.sign(compareKeys(b, a)) + 0);
        expect(compareKeys(a, b) === 0).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
    expect(compareKeys(["a"], ["a", "b"])).toBeLessThan(0);
  });

  test.each(["", "x", "W10", "eyJhIjoxfQ", Buffer.from('["a",1]').toString("base64url")])(
    "the cursor %j is refused",
    (cursor) => {
      expect(() => pageOf(["a"], (one) => [one], { limit: 1, cursor })).toThrow(
        expect.objectContaining({ code: "usage" }),
      );
    },
  );
});
