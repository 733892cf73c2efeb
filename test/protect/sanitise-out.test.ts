import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import Papa from "papaparse";
import { type DefaultTreeAdapterTypes, parseFragment } from "parse5";
import { forCsv, forHtml, forLogLine, forSlack } from "../../src/protect/sanitise-out.ts";
import { redactSecrets } from "../../src/protect/secret-patterns.ts";
import { visibleText } from "../../src/protect/visible-text.ts";
import { hostileText } from "./hostile-text.ts";

/** What a reader is to see: the characters, hidden ones by name, secrets by kind. */
const seen = (text: string): string => redactSecrets(visibleText(text));
const withoutBreaks = (text: string): string => text.replaceAll("\u200b", "");
const SECRET = `npm_${"aB3".repeat(12)}`;

describe("forHtml", () => {
  test.each([
    ["<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"],
    [`" onmouseover='x' \``, "&quot; onmouseover=&#39;x&#39; &#96;"],
    ["&lt;b&gt; &amp; &#x3c;", "&amp;lt;b&amp;gt; &amp;amp; &amp;#x3c;"],
    ["a\u0000b\u202ec", "a[U+0000]b[U+202E]c"],
  ])("%j", (text, html) => {
    expect(forHtml(text)).toBe(html);
  });

  test("parses as one text that is what was given, in content and in attributes", () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const safe = forHtml(`${text} ${SECRET}`);
        const fragment = parseFragment(`<p title="${safe}" lang='${safe}'>${safe}</p>`);
        expect(fragment.childNodes).toHaveLength(1);
        const paragraph = fragment.childNodes[0] as DefaultTreeAdapterTypes.Element;
        const expected = seen(`${text} ${SECRET}`);
        expect(paragraph.attrs.map(({ name, value }) => [name, value])).toEqual([
          ["title", expected],
          ["lang", expected],
        ]);
        expect(paragraph.childNodes.map((node) => (node as DefaultTreeAdapterTypes.TextNode).value)).toEqual([
          expected,
        ]);
        expect(expected).not.toContain(SECRET);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("forCsv", () => {
  test.each([
    ["plain", "plain"],
    ["=1+1", "'=1+1"],
    ["+41 44", "'+41 44"],
    ["-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"],
    ["@SUM(A1)", "'@SUM(A1)"],
    [" =1", "' =1"],
    ["\uff1d1", "'\uff1d1"],
    ["-12.5", "-12.5"],
    ["-1e3", "-1e3"],
    ["1,5", '"1,5"'],
    ['say "hi"', '"say ""hi"""'],
    ["a\r\nb", '"a\nb"'],
    ["a;b", '"a;b"'],
    ["", ""],
  ])("%j", (text, cell) => {
    expect(forCsv(text)).toBe(cell);
  });

  test("any cells come back as they were, but for a ' before what would be a formula", () => {
    fc.assert(
      fc.property(fc.array(hostileText, { minLength: 2, maxLength: 5 }), (texts) => {
        const line = texts.map(forCsv).join(",");
        const { data } = Papa.parse<string[]>(line, { delimiter: ",", newline: "\r\n" });
        const cells = data[0] ?? [];
        expect(data.length).toBeLessThanOrEqual(1);
        expect(cells.map((cell, at) => (cell === `'${seen(texts[at] ?? "")}` ? cell.slice(1) : cell))).toEqual(
          line === "" ? [] : texts.map(seen),
        );
        for (const cell of cells)
          expect(cell).not.toMatch(/^\s*[=+@|%\uff1d\uff0b\uff0d\uff20]|^\s*-(?![\d.]+(?:e[+-]?\d+)?$)|^[\t\r\n]/i);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("forSlack", () => {
  test.each([
    ["<!channel> hello", "&lt;!channel&gt; hello"],
    ["<@U123> and @here", "&lt;@\u200bU123&gt; and @\u200bhere"],
    ["<https://example.org|click>", "&lt;https:\u200b//example.\u200borg|click&gt;"],
    ["*bold* ~gone~ `code` _it_", "\u2217bold\u2217 \u223cgone\u223c \u02cbcode\u02cb \u02cdit\u02cd"],
    ["snake_case_name stays", "snake_case_name stays"],
    [":tada: at 10:20:30", ":\u200btada: at 10:\u200b20:30"],
    ["> quoted", "\u200b&gt; quoted"],
    ["a & b", "a &amp; b"],
    ["see #general", "see #\u200bgeneral"],
    ["2.5 of 3 rows.", "2.5 of 3 rows."],
  ])("%j", (text, safe) => {
    expect(forSlack(text)).toBe(safe);
  });

  test("nothing that Slack acts on is left, and it reads as what was given", () => {
    const marks: Readonly<Record<string, string>> = { "\u2217": "*", "\u223c": "~", "\u02cb": "`", "\u02cd": "_" };
    const entities: Readonly<Record<string, string>> = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
    fc.assert(
      fc.property(
        hostileText.map((text) => text.replaceAll(/[\u2217\u223c\u02cb\u02cd]/g, "")),
        (text) => {
          const safe = forSlack(`${text} ${SECRET}`);
          expect(safe).not.toMatch(/[<>*~`]/);
          expect(safe).not.toMatch(/&(?!(?:lt|gt|amp);)/);
          expect(safe).not.toMatch(/[@#][\p{L}\p{N}]|:\/\/|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|^\s*&gt;/mu);
          expect(safe).not.toMatch(/:[\p{L}\p{N}_+'-]+:/u);
          const read = withoutBreaks(safe)
            .replaceAll(/&(?:lt|gt|amp);/g, (entity) => entities[entity] ?? "")
            .replaceAll(/[\u2217\u223c\u02cb\u02cd]/g, (mark) => marks[mark] ?? "");
          expect(read).toBe(seen(`${text} ${SECRET}`));
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("forLogLine", () => {
  test.each([
    ["one\ntwo\tthree", "one[U+000A]two[U+0009]three"],
    ["one\r\ntwo", "one[U+000A]two"],
    ["::set-output name=x::y", ":\u200b:set-output name=x::y"],
    ["  ::error::no", "  :\u200b:error::no"],
    ["##[group]x", "##\u200b[group]x"],
    ["a::b", "a::b"],
    ["\u001b[31mred\u001b[0m\u0007", "red[U+0007]"],
    ["\u2028", "[U+2028]"],
  ])("%j", (text, line) => {
    expect(forLogLine(text)).toBe(line);
  });

  test("is one line without a control character, a secret or a command", () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const line = forLogLine(`${text} ${SECRET}`);
        // oxlint-disable-next-line no-control-regex
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
        expect(line).not.toMatch(/^\s*::|##\[/);
        expect(withoutBreaks(line)).not.toContain(SECRET);
        const named = (sign: string) => (sign === "\n" ? "[U+000A]" : "[U+0009]");
        expect(withoutBreaks(line)).toBe(seen(`${text} ${SECRET}`).replaceAll(/[\n\t]/g, named));
      }),
      { numRuns: 1_000 },
    );
  });
});
