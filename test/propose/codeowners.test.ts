import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ownersOf, parseCodeowners } from "../../src/propose/codeowners.ts";

const owners = (text: string, ...paths: string[]) => ownersOf(parseCodeowners(text), paths);

/** The example of GitHub's own documentation, shortened. */
const DOCUMENTED = `
# This is a comment.
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* docs@example.com @docs-owner
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat2
/apps/github
`;

describe("owners by GitHub's own example", () => {
  test.each([
    ["README.md", ["global-owner1", "global-owner2"]],
    ["deep/below/a.js", ["js-owner"]],
    ["main.go", []],
    ["a.txt", ["@octo-org/octocats"]],
    ["build/x/a.md", ["global-owner1", "global-owner2"]],
    ["apps/a/b.md", ["octocat"]],
    ["other/apps/b.md", ["octocat"]],
    ["apps/github/b.md", []],
    ["apps/github", []],
    ["docs/getting-started.md", ["doctocat"]],
    ["scripts/a/b.sh", ["doctocat", "octocat"]],
    ["build/logs/x", ["octocat2"]],
    ["deeply/nested/logs", ["octocat2"]],
  ])("%s", (path, expected) => {
    expect(owners(DOCUMENTED, path)).toEqual(expected);
  });
});

describe("patterns", () => {
  test.each([
    ["docs/*", "docs/a.md", true],
    ["docs/*", "docs/a/b.md", false],
    ["docs/*", "x/docs/a.md", false],
    ["/src", "src/a/b.ts", true],
    ["src", "x/src/a.ts", true],
    ["src/", "x/src/a.ts", true],
    ["src/", "src", false],
    ["/*.md", "README.md", true],
    ["/*.md", "docs/a.md", false],
    ["src/**/test", "src/a/b/test/c.ts", true],
    ["a?c.ts", "abc.ts", true],
    ["we\\ ird/", "we ird/x", true],
    [".github/", ".github/workflows/ci.yml", true],
    ["src/(a|b).ts", "src/a.ts", false],
    ["src/(a|b).ts", "src/(a|b).ts", true],
    ["{a,b}.ts", "a.ts", false],
  ])("%s fits %s: %s", (pattern, path, fits) => {
    expect(owners(`${pattern} @o`, path)).toEqual(fits ? ["o"] : []);
  });

  test.each(["!a @o", "[ab].ts @o", "# @o", "", "   ", "a o", "a @-x", "a @x_y@z", "a o@x.example"])(
    "the line %j names nobody",
    (line) => {
      expect(owners(line, "a", "b", "a.ts")).toEqual([]);
    },
  );

  test("the last rule that fits counts, also when it names nobody", () => {
    expect(owners("* @a\n/x/ @b\n/x/y\n", "x/y/z")).toEqual([]);
    expect(owners("* @a\n/x/ @b\n", "x/y", "z")).toEqual(["b", "a"]);
  });
});

test("no text makes it throw or name what is no name", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 80 }), fc.string({ maxLength: 20 }), (text, path) => {
      for (const owner of owners(`* @a\n${text}`, path)) expect(owner).toMatch(/^@?[A-Za-z0-9][\w./[\]-]*$/);
    }),
    { numRuns: 300 },
  );
});

test("lines of a generated file are read as they were written", () => {
  const rule = fc.record({
    pattern: fc.stringMatching(/^\/?[a-z]{1,5}(?:\/[a-z]{1,5}){0,2}\/?$/),
    owners: fc.array(fc.stringMatching(/^(?:[a-z]{1,6}|@[a-z]{1,6}\/[a-z]{1,6})$/), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 6 }), (rules) => {
      const lines = rules.map(({ pattern, owners: named }) =>
        [pattern, ...named.map((name) => (name.startsWith("@") ? name : `@${name}`))].join(" "),
      );
      expect(parseCodeowners(lines.join("\n"))).toEqual(rules);
    }),
  );
});
