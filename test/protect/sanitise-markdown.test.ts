import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import MarkdownIt from "markdown-it";
import { forMarkdown } from "../../src/protect/sanitise.ts";
import { redactSecrets } from "../../src/protect/secret-patterns.ts";
import { visibleText } from "../../src/protect/visible-text.ts";
import { HOSTILE_PIECES, hostileText } from "./hostile-text.ts";

/** As permissive as a page can be: HTML passes, links are made of bare addresses. */
const markdown = new MarkdownIt({ html: true, linkify: true, typographer: false });
/** What a page of plain text is made of. */
const PLAIN = new Set(["paragraph_open", "inline", "paragraph_close", "text", "softbreak", "hardbreak"]);

type Shown = { readonly text: string; readonly others: readonly string[] };

/** The text that a reader of the page sees, and everything on it that is more than text. */
function rendered(source: string): Shown {
  const tokens = markdown.parse(source, {}).flatMap((token) => [token, ...(token.children ?? [])]);
  const text = tokens.map(({ type, content }) => {
    if (type === "text") return content;
    return ["softbreak", "hardbreak", "paragraph_close"].includes(type) ? "\n" : "";
  });
  return { text: text.join(""), others: tokens.map(({ type }) => type).filter((type) => !PLAIN.has(type)) };
}

/** Without white space, which a page shows as it likes, and without what breaks words for machines. */
const letters = (text: string): string => text.replaceAll(/[\s\u200b]/gu, "");
const seen = (text: string): string => letters(redactSecrets(visibleText(text)));

describe("forMarkdown, read by a Markdown parser,", () => {
  test("the parser itself sees what is dangerous", () => {
    const found = HOSTILE_PIECES.flatMap((piece) => rendered(`a\n\n${piece} a`).others);
    for (const kind of [
      "html_block",
      "html_inline",
      "link_open",
      "strong_open",
      "em_open",
      "heading_open",
      "bullet_list_open",
      "ordered_list_open",
      "code_block",
      "blockquote_open",
      "s_open",
    ])
      expect(found).toContain(kind);
  });

  test.each(HOSTILE_PIECES.map((piece) => [piece]))("%j is shown as the characters it is made of", (piece) => {
    for (const text of [piece, `a ${piece} b`, `a\n${piece}`, `a\n\n${piece} b`, `${piece}\n${piece}`]) {
      const shown = rendered(forMarkdown(text));
      expect({ text, others: shown.others }).toEqual({ text, others: [] });
      expect(letters(shown.text)).toBe(seen(text));
    }
  });

  test("any text is shown as the characters it is made of, and nothing else comes of it", () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const shown = rendered(forMarkdown(text));
        expect(shown.others).toEqual([]);
        expect(letters(shown.text)).toBe(seen(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test("mentions, references and commands are broken where GitHub looks for them", () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const { text: shown } = rendered(forMarkdown(text));
        expect(shown).not.toMatch(/@[\p{L}\p{N}]|#\d|\bGH-\d|:\/\/|\bwww\./iu);
        expect(forMarkdown(text)).not.toMatch(/^[ \t]*\/[a-z]/m);
      }),
      { numRuns: 1_000 },
    );
  });
});
