import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { dangerOf, foldName } from "../../../src/protect/wall/path-form.ts";
import { PROTECTED_CLASSES, protectedClassOf } from "../../../src/protect/wall/protected-class.ts";

describe("foldName", () => {
  test.each([
    ["README", "readme"],
    ["Straße", "STRASSE"],
    ["ﬁle", "FILE"],
    ["e\u0301", "É"],
    ["K", "\u212a"],
    ["a\u200bb", "AB"],
    ["x. ", "X"],
    ["dir./x", "DIR/x"],
    ["ｗ", "W"],
    ["ſ", "S"],
  ])("%j and %j are one name", (a, b) => {
    expect(foldName(a)).toBe(foldName(b));
  });

  test.each([
    ["a", "b"],
    ["a/b", "ab"],
    ["é", "e"],
    [".a", "a"],
  ])("%j and %j are two", (a, b) => {
    expect(foldName(a)).not.toBe(foldName(b));
  });

  test("folding a folded name changes nothing", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (name) => foldName(foldName(name)) === foldName(name)));
  });
});

describe("dangerOf", () => {
  test.each([
    "src/a.ts",
    "src/žluť b.ts",
    "docs/日本.md",
    "src/it's (x) [y].ts",
    ".github/x.yml",
    ".gitlab-ci.yml",
    "src/console.ts",
    "src/nulls.ts",
    "src/a~b.ts",
    "src/кот.ts",
    "src/contact.ts",
  ])("lets %j pass", (path) => {
    expect(dangerOf(path)).toBeUndefined();
  });

  test("no path that passes can be `.git` or leave the repository, whatever is inserted into one that would", () => {
    const insert = fc.constantFrom("", "\u200c", "\u00ad", " ", ".", "\ufe0f", "\u2060", "/", "\\", ":", "\0");
    const name = fc.constantFrom(".git", ".GIT", "..", "git~1", ".Git", "\uff0egit", ".gіt");
    fc.assert(
      fc.property(fc.tuple(name, fc.nat(5), insert, fc.constantFrom("", "src/")), ([part, at, more, before]) => {
        const path = `${before}${part.slice(0, at)}${more}${part.slice(at)}/config`;
        if (dangerOf(path) !== undefined) return;
        // What is left is another name by every rule of folding.
        expect(foldName(path).split("/")).not.toContain(".git");
        expect(foldName(path).split("/")).not.toContain("");
      }),
      { numRuns: 2_000 },
    );
  });

  test("a length of 255 bytes is the last that passes", () => {
    const of = (bytes: number) => `src/${"ž".repeat((bytes - 4) >> 1)}${bytes % 2 === 0 ? "" : "x"}`;
    expect(Buffer.byteLength(of(255))).toBe(255);
    expect(dangerOf(of(255))).toBeUndefined();
    expect(dangerOf(of(256))).toContain("longer");
  });
});

test.each([
  ["CLAUDE.md", "agents"],
  [".claude/package.json", "agents"],
  ["src/.mcp.json", "agents"],
  [".github/workflows/x.yml", "ci"],
  [".github/CODEOWNERS", "ci"],
  ["docs/CODEOWNERS", "owners"],
  ["deep/package-lock.json", "lockfiles"],
  ["Cargo.lock", "lockfiles"],
  ["Cargo.toml", "manifests"],
  ["x/requirements-dev.txt", "manifests"],
  ["Dockerfile.prod", "builds"],
  ["rules/x.yaml", "rules"],
  ["whetstone.yaml", "rules"],
  ["README.md", "documents"],
  ["LICENSE", "documents"],
  [".npmrc", "dotfiles"],
  ["src/.env", "dotfiles"],
  ["src/README.md", undefined],
  ["src/rules/x.ts", undefined],
  ["src/a.ts", undefined],
])("%s is of class %s", (path, expected) => {
  expect(protectedClassOf(path)).toBe(expected);
  if (expected !== undefined) expect(Object.keys(PROTECTED_CLASSES)).toContain(expected);
});
