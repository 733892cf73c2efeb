import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { compose, LEAST_TOKENS, MOST_TOKENS, sectionOf, tokensOf } from "../../src/mcp/budget.ts";

const words = (lengths: readonly number[]) => lengths.map((length, at) => `${at}:${"x".repeat(length)}`);

describe("compose", () => {
  test("takes everything that fits, and says so", () => {
    const answer = compose({
      maxTokens: 600,
      facts: { of: "me" },
      lists: { words: sectionOf(["a", "b"], (word) => word) },
    });
    expect(answer).toMatchObject({ of: "me", words: ["a", "b"], total: 2, returned: 2, truncated: false });
    expect(answer).not.toHaveProperty("omitted");
    expect(answer).not.toHaveProperty("nextCursor");
  });

  test("takes by importance and keeps the order of the list", () => {
    const items = words([900, 900, 900]);
    const section = sectionOf(items, (word) => word, { byImportance: [2, 0, 1] });
    const answer = compose({ maxTokens: 720, facts: {}, lists: { words: section } });
    expect(answer.words).toEqual([items[0], items[2]]);
    expect(answer).toMatchObject({ total: 3, returned: 2, truncated: true });
    expect(answer.omitted).toMatchObject({ items: 1, how: expect.stringContaining(String(MOST_TOKENS)) as unknown });
    expect(answer.omitted?.tokens).toBeGreaterThan(200);
  });

  test("a cursor tells how to get the rest", () => {
    const section = sectionOf(words([900, 900, 900, 900]), (word) => word);
    const answer = compose({
      maxTokens: 720,
      facts: {},
      lists: { words: section },
      before: 5,
      cursor: (returned) => (returned < 4 ? `o${5 + returned}` : undefined),
    });
    expect(answer).toMatchObject({ total: 9, returned: 2, nextCursor: "o7", omitted: { items: 2 } });
  });

  test("an unknown total stays unknown", () => {
    const section = sectionOf(["a"], (word) => word, { total: null });
    const answer = compose({
      maxTokens: 600,
      facts: {},
      lists: { words: section },
      before: null,
      cursor: () => "next",
    });
    expect(answer).toMatchObject({ total: null, truncated: true, omitted: { items: null, tokens: null } });
  });

  test("lists take turns, so that none starves another", () => {
    const [left, right] = [words(Array.from({ length: 50 }, () => 100)), words(Array.from({ length: 50 }, () => 100))];
    const lists = { left: sectionOf(left, (word) => word), right: sectionOf(right, (word) => word) };
    const answer = compose({ maxTokens: 1_000, facts: {}, lists });
    expect(Math.abs(answer.left.length - answer.right.length)).toBeLessThanOrEqual(1);
    expect(answer.left.length).toBeGreaterThan(5);
  });

  test("items that are left out are not made", () => {
    let made = 0;
    const section = { count: 100_000, at: (index: number) => (made++, `${index}${"x".repeat(100)}`) };
    compose({ maxTokens: 1_000, facts: {}, lists: { words: section } });
    expect(made).toBeLessThan(50);
  });

  test("an answer stays within its budget, whatever the items are, and paging reaches every item once", () => {
    const items = fc.array(fc.string({ unit: "grapheme", maxLength: 60 }), { maxLength: 120 });
    fc.assert(
      fc.property(items, fc.integer({ min: LEAST_TOKENS, max: 2_000 }), (all, maxTokens) => {
        const seen: string[] = [];
        let start: number | undefined = 0;
        while (start !== undefined) {
          const from: number = start;
          const page = all.slice(from);
          const answer = compose({
            maxTokens,
            facts: {},
            lists: { items: sectionOf(page, (item) => item) },
            before: from,
            cursor: (returned) => (returned < page.length ? `o${from + returned}` : undefined),
          });
          expect(tokensOf(JSON.stringify(answer))).toBeLessThanOrEqual(maxTokens);
          expect(answer.tokens).toBeGreaterThanOrEqual(tokensOf(JSON.stringify(answer)));
          expect(answer.total).toBe(all.length);
          seen.push(...answer.items);
          start = answer.nextCursor === undefined ? undefined : Number(answer.nextCursor.slice(1));
        }
        expect(seen).toEqual(all);
      }),
    );
  });
});
