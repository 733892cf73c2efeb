import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseCommands } from "../../src/app/commands.ts";

const words = (comment: string) => parseCommands(comment).map(({ word }) => word);

describe("parseCommands", () => {
  test.each([
    ["/whetstone status", ["status"]],
    ["/whetstone", [""]],
    ["/whetstone   STATUS  ", ["status"]],
    ["Please:\r\n/whetstone status\r\nthank you", ["status"]],
    ["a paragraph\n/whetstone help\n\n/whetstone status", ["help", "status"]],
    ["- an item\n/whetstone help", ["help"]],
    ["use `<!--` and `a` to start\n/whetstone help", ["help"]],
    ["1 < 2 and \\`\n/whetstone help", ["help"]],
    ["> quoted\n\n/whetstone help", ["help"]],
    ["> quoted\n>\n/whetstone help", ["help"]],
    ["> # title\n/whetstone help", ["help"]],
    ["<!-- closed --> and more\n/whetstone help", ["help"]],
    ["<!---->\n/whetstone help", ["help"]],
    ["```\ncode\n```\n/whetstone help", ["help"]],
    ["- ```\n  code\n  ```\n/whetstone help", ["help"]],
    ["- ```\n  never closed\n/whetstone help", ["help"]],
    ["<pre>code</pre>\n/whetstone help", ["help"]],
  ])("finds the command in %j", (comment, expected) => {
    expect(words(comment)).toEqual(expected);
  });

  test.each([
    "",
    "nothing",
    "say /whetstone status",
    " /whetstone status",
    "    /whetstone status",
    "/whetstonestatus",
    "/Whetstone status",
    "`/whetstone status`",
    "> /whetstone status",
    "   > /whetstone status",
    "> quoted\n/whetstone status",
    ">> deeper\n/whetstone status",
    "```\n/whetstone status\n```",
    "```sh\n/whetstone status",
    "````\n```\n/whetstone status\n````",
    "~~~\n```\n/whetstone status\n~~~",
    "~~~ a `b`\n/whetstone status",
    "text\n```\n/whetstone status\n```",
    "<!--\n/whetstone status\n-->",
    "<!-- a\n\n/whetstone status\n\n-->",
    "text <!-- a\n/whetstone status\n--> more",
    "<!--\n/whetstone status",
    "<pre>\n/whetstone status\n</pre>",
    "<blockquote>\n\n/whetstone status\n\n</blockquote>",
    "<code>\n/whetstone status\n</code>",
    "<?php\n/whetstone status\n?>",
    "<![CDATA[\n/whetstone status\n]]>",
    "<!DOCTYPE\n/whetstone status\n>",
    "a `code\n/whetstone status\nspan` b",
    "a ``code `\n/whetstone status\nspan`` b",
    'an <a title="\n/whetstone status\n"> tag',
  ])("finds none in %j", (comment) => {
    expect(parseCommands(comment)).toEqual([]);
  });

  test("keeps what stands after the word", () => {
    expect(parseCommands("/whetstone status  of notes ")).toEqual([{ word: "status", rest: "of notes" }]);
  });
});

/** A block of a comment, and the commands that a reader sees in it. */
type Block = { readonly text: string; readonly seen: readonly string[] };

const word = fc.constantFrom("help", "status", "rollback", "x1");
const plain = fc.constantFrom(
  "Some words.",
  "- an item",
  "see /whetstone status",
  "# Title",
  "1 < 2",
  "a \\` b",
  "*",
  "",
);
const lines = fc.array(
  fc.oneof(
    plain.map((text) => ({ text, word: undefined })),
    word.map((found) => ({ text: `/whetstone ${found}`, word: found })),
  ),
  { minLength: 1, maxLength: 4 },
);
const raw = lines.map((all) => all.map(({ text }) => text).join("\n"));

const visible: fc.Arbitrary<Block> = lines.map((all) => ({
  text: all.map(({ text }) => text).join("\n"),
  seen: all.flatMap((line) => line.word ?? []),
}));
const fenced = fc
  .tuple(raw, fc.constantFrom("`", "~"), fc.integer({ min: 3, max: 6 }), fc.constantFrom("", "sh", " json"))
  .map(([text, mark, length, info]) => `${mark.repeat(length)}${info}\n${text}\n${mark.repeat(length)}`);
const quoted = raw.map((text) =>
  text
    .split("\n")
    .map((line) => `> ${line}`)
    .join("\n"),
);
const commented = fc.oneof(
  raw.map((text) => `<!--\n${text}\n-->`),
  raw.map((text) => `<!-- ${text} -->`),
);
const preformatted = raw.map((text) => `<pre>\n${text}\n</pre>`);
const indented = raw.map((text) =>
  text
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n"),
);
const hidden: fc.Arbitrary<Block> = fc
  .oneof(fenced, quoted, commented, preformatted, indented)
  .map((text) => ({ text, seen: [] }));

describe("parseCommands over any comment", () => {
  test("sees what a reader sees, block by block", () => {
    const comment = fc.tuple(fc.array(fc.oneof(visible, hidden), { maxLength: 6 }), fc.constantFrom("\n", "\r\n"));
    fc.assert(
      fc.property(comment, ([blocks, lineBreak]) => {
        const text = blocks
          .map((block) => block.text)
          .join("\n\n")
          .replaceAll("\n", lineBreak);
        expect(words(text)).toEqual(blocks.flatMap((block) => block.seen));
      }),
      { numRuns: 500 },
    );
  });

  test("whatever stands before it, a command after a closing of everything is seen; nothing throws", () => {
    const piece = fc.constantFrom(
      "`",
      "``",
      "```",
      "~~~",
      "<!--",
      "-->",
      "<pre>",
      "</pre>",
      ">",
      "\n",
      "\\",
      "- ",
      "a",
      "<",
      "/whetstone help",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const found = words(pieces.join(""));
        expect(found.every((each) => /^\S*$/.test(each))).toBe(true);
        const inner = pieces.join("").replaceAll("````````", "");
        expect(words(`\`\`\`\`\`\`\`\`\n${inner}\n\`\`\`\`\`\`\`\`\n\n/whetstone last`)).toEqual(["last"]);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ["`", []],
    ["``` ", ["help"]],
    ["<!--", []],
    ["a <!--", ["help"]],
    ["<a", ["help"]],
    ["\\`", ["help"]],
    ["> ", ["help"]],
    ["- ", ["help"]],
  ])("a comment of GitHub's greatest length made of %j, before a command", (piece, expected) => {
    expect(words(`${piece.repeat(65_000 / piece.length)}\n\n/whetstone help`)).toEqual(expected);
  });

  test("many runs of backticks that close nothing", () => {
    const runs = Array.from({ length: 350 }, (_, index) => "`".repeat(index + 1)).join(" ");
    expect(words(`${runs}\n\n/whetstone help`)).toEqual(["help"]);
  });
});
