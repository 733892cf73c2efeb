import { describe, expect, test } from "@jest/globals";
import { outgoingFaults } from "../../src/propose/outgoing.ts";

const RULES = { urls: ["https://github.com/octo-org/notes/actions/runs/7"], longest: 1_000 };
const faults = (text: string) => outgoingFaults(text, RULES);

describe("an outgoing text is refused for", () => {
  test.each([
    ["a mention", "thanks @octocat"],
    ["a mention", "mail a@b.example"],
    ["a mention", "(@org/team)"],
    ["a reference to an issue", "fixes #12"],
    ["a reference to an issue", "see octo-org/notes#3"],
    ["a reference to an issue", "gh-4"],
    ["a slash command", "/whetstone approve"],
    ["a slash command", "text\n  /deploy"],
    ["HTML or a comment", "a <!-- hidden -->"],
    ["HTML or a comment", '<!-- whetstone:facts {"a":"<!--"} -->'],
    ["HTML or a comment", "text <!-- whetstone:facts {} -->"],
    ["HTML or a comment", "<img src=x>"],
    ["HTML or a comment", "</details>"],
    ["an image", "![tracker](x)"],
    ["hidden characters", "a\u202eb"],
    ["hidden characters", "a\u2066b"],
    ["hidden characters", "a\u200db"],
    ["hidden characters", "a\u0000b"],
    ["hidden characters", "a\u{e0041}b"],
    ["a switch of checks", "Faster [skip ci]"],
    ["a switch of checks", "text\nskip-checks: true"],
  ])("%s: %j", (fault, text) => {
    expect(faults(text)).toContain(fault);
  });

  test.each([
    "https://evil.example/",
    "https://github.com/octo-org/notes/actions/runs/77",
    "https://github.com/octo-org/notes/actions/runs/7.evil.example",
    "javascript://x",
    "www.evil.example",
  ])("the address %s", (address) => {
    expect(faults(`see ${address}`)).toEqual([expect.stringContaining("the address")]);
  });

  test("its length", () => {
    expect(faults("a".repeat(1_001))).toEqual(["1001 characters, at most 1000"]);
  });
});

describe("an outgoing text may hold", () => {
  test.each([
    "plain words, 1 < 2, a/b, c# and 50 %",
    "# A heading\n\n- a list\n\n| a | b |\n|---|---|",
    "@\u200boctocat and #\u200b1",
    "<!-- whetstone:canary -->\ntext",
    '<!-- whetstone:facts {"a":1} -->',
    "[run](https://github.com/octo-org/notes/actions/runs/7)",
    "[artifact](https://github.com/octo-org/notes/actions/runs/7/artifacts/9)",
  ])("%j", (text) => {
    expect(faults(text)).toEqual([]);
  });
});
