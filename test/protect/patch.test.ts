import { judgeScope } from "../../src/protect/patch-rules.ts";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { fingerprintInput, parsePatch } from "../../src/protect/patch.ts";
import { applyToTexts } from "../../src/protect/patch-apply.ts";

const MODIFIED = `diff --git a/src/a.ts b/src/a.ts
index 1111111..2222222 100644
--- a/src/a.ts
+++ b/src/a.ts
@@ -1,3 +1,3 @@ function a
 one
-two
+TWO
 three
`;

const parse = (text: string) => {
  const parsed = parsePatch(text);
  if (!parsed.ok) throw new Error(parsed.detail);
  return parsed.patch;
};

describe("parsePatch reads", () => {
  test("a modified file", () => {
    expect(parse(MODIFIED)).toEqual({
      bytes: MODIFIED.length,
      files: [
        {
          status: "modified",
          oldPath: "src/a.ts",
          newPath: "src/a.ts",
          oldMode: "100644",
          newMode: "100644",
          binary: false,
          hunks: [
            {
              oldStart: 1,
              oldLines: 3,
              newStart: 1,
              newLines: 3,
              lines: [
                { kind: "context", text: "one", eol: true },
                { kind: "remove", text: "two", eol: true },
                { kind: "add", text: "TWO", eol: true },
                { kind: "context", text: "three", eol: true },
              ],
            },
          ],
        },
      ],
    });
  });

  test("an empty context line whose blank was stripped, and empty lines at the end", () => {
    const text = MODIFIED.replace(" one\n", "\n");
    expect(parse(`${text}\n\n`).files[0]?.hunks[0]?.lines[0]).toEqual({ kind: "context", text: "", eol: true });
  });

  test("an empty context line at the very end", () => {
    const text = MODIFIED.replace(" three\n", "\n");
    expect(parse(text).files[0]?.hunks[0]?.lines[3]).toEqual({ kind: "context", text: "", eol: true });
  });

  test("lines that look like headers inside a hunk as what they are", () => {
    const text = MODIFIED.replace("-two", "--- a/etc/passwd").replace("+TWO", "+++ b/etc/passwd");
    const patch = parse(text);
    expect(patch.files.map((file) => file.newPath)).toEqual(["src/a.ts"]);
    expect(patch.files[0]?.hunks[0]?.lines[1]).toEqual({ kind: "remove", text: "-- a/etc/passwd", eol: true });
  });

  test("a binary patch as binary", () => {
    const text = `diff --git a/x.png b/x.png
new file mode 100644
index 0000000000000000000000000000000000000000..efcac10fa0a4d16f2c117c7dab0048933a4c7774
GIT binary patch
literal 6
NcmZQzWMXDu1pojc01N;C

literal 0
HcmV?d00001

${MODIFIED}`;
    expect(parse(text).files.map(({ binary }) => binary)).toEqual([true, false]);
  });
});

/** Each is one way in which a reader and git could see different things. */
const HOSTILE: readonly (readonly [string, string, string])[] = [
  ["text before the first file", `hello\n${MODIFIED}`, "must begin with"],
  ["an e-mail footer", `${MODIFIED}-- \n2.39.5\n`, "must begin with"],
  ["a diff without git's header", MODIFIED.split("\n").slice(2).join("\n"), "must begin with"],
  ["another name in ---", MODIFIED.replace("--- a/src/a.ts", "--- a/src/b.ts"), "different paths"],
  ["another name in +++", MODIFIED.replace("+++ b/src/a.ts", "+++ b/src/b.ts"), "different paths"],
  ["another name in both", MODIFIED.replaceAll(/^(---|\+\+\+) (.)\/.*$/gm, "$1 $2/src/b.ts"), "different paths"],
  ["another name in the header", MODIFIED.replace("b/src/a.ts\nindex", "b/src/b.ts\nindex"), "different paths"],
  ["no prefix", MODIFIED.replaceAll(/(?<=--- )a\/|(?<=\+\+\+ )b\//g, ""), "must begin with a/"],
  ["swapped prefixes", MODIFIED.replace("--- a/", "--- b/").replace("+++ b/", "+++ a/"), "must begin with a/"],
  ["an addition without `new file mode`", MODIFIED.replace("--- a/src/a.ts", "--- /dev/null"), "different paths"],
  ["a deletion without `deleted file mode`", MODIFIED.replace("+++ b/src/a.ts", "+++ /dev/null"), "different paths"],
  ["fewer lines than counted", MODIFIED.replace("-1,3 +1,3", "-1,4 +1,4"), "ends inside a hunk"],
  ["more lines than counted", MODIFIED.replace("-1,3 +1,3", "-1,2 +1,2"), "must begin with"],
  ["uneven counts", MODIFIED.replace("-1,3 +1,3", "-1,3 +1,2"), "other lines than its header"],
  ["a file cut off", MODIFIED.slice(0, -10), "no line break"],
  ["no line break at the end", MODIFIED.trimEnd(), "no line break"],
  ["a NUL", MODIFIED.replace("TWO", "T\0O"), "NUL"],
  ["half a surrogate", MODIFIED.replace("TWO", "\ud800"), "not Unicode"],
  ["a hunk that changes nothing", MODIFIED.replace("-two\n+TWO\n", " two\n"), "changes nothing"],
  ["headers without hunks", MODIFIED.split("\n").slice(0, 4).join("\n") + "\n", "no hunk"],
  ["nothing but a name", "diff --git a/x b/x\n", "nothing is changed"],
  ["the same file twice", MODIFIED + MODIFIED, "changed twice"],
  ["a copy", "diff --git a/x b/y\nsimilarity index 100%\ncopy from x\ncopy to y\n", "cannot be told"],
  ["a rename with one name", "diff --git a/x b/y\nsimilarity index 100%\nrename from x\n", "both names"],
  ["a rename that disagrees", "diff --git a/x b/y\nrename from x\nrename to z\n", "different paths"],
  ["a rename to itself", "diff --git a/x b/x\nrename from x\nrename to x\n", "own name"],
  ["old names of renames", "diff --git a/x b/y\nrename old x\nrename new y\n", "cannot be told"],
  ["half a mode change", MODIFIED.replace("index", "old mode 100644\nindex"), "besides the one that changes"],
  ["only the new mode", "diff --git a/x b/x\nnew mode 120000\n", "old and the new"],
  ["a mode in words", "diff --git a/x b/x\nold mode 100644\nnew mode 0755\n", "six octal"],
  ["two modes", MODIFIED.replace("index", "index 1111111..2222222 120000\nindex"), "stands twice"],
  ["added and deleted", "diff --git a/x b/x\nnew file mode 100644\ndeleted file mode 100644\n", "at once"],
  [
    "an added file with context",
    MODIFIED.replace("index 1111111..2222222 100644", "new file mode 100644\nindex 1..2").replace(
      "--- a/src/a.ts",
      "--- /dev/null",
    ),
    "index",
  ],
  [
    "hunks out of order",
    MODIFIED.replace("@@ -1,3 +1,3 @@", "@@ -10,3 +10,3 @@") + "@@ -1 +1 @@\n-x\n+y\n",
    "overlaps",
  ],
  ["a hunk at line 0", MODIFIED.replace("-1,3", "-0,3"), "line 0"],
  ["a huge count", MODIFIED.replace("-1,3", "-1,99999999999"), "no hunk header"],
  [
    "a line after the last line",
    MODIFIED.replace(" one\n", " one\n\\ No newline at end of file\n"),
    "last line of the file",
  ],
  [
    "an old line after the last old line",
    MODIFIED.replace("-two\n", "-two\n\\ No newline at end of file\n")
      .replace(" three\n", "-three\n")
      .replace("+1,3", "+1,2"),
    "last line of the file",
  ],
  ["a marker before any line", MODIFIED.replace(" one\n", "\\ No newline at end of file\n one\n"), "fewer lines"],
  ["a name with an open quote", MODIFIED.replace("--- a/src/a.ts", '--- "a/src/a.ts'), "as git writes it"],
  ["an unknown escape", MODIFIED.replace("--- a/src/a.ts", '--- "a/src/\\x61.ts"'), "as git writes it"],
  ["a name that is no UTF-8", MODIFIED.replace("--- a/src/a.ts", '--- "a/src/\\377"'), "as git writes it"],
  ["a control character in a plain name", MODIFIED.replaceAll("src/a.ts", "src/a\r.ts"), "as git writes it"],
  ["a tab in the middle of a plain name", MODIFIED.replaceAll("src/a.ts", "src/a\tb"), "as git writes it"],
  ["an ambiguous header", "diff --git a/x b/y b/z\nold mode 100644\nnew mode 100755\n", "cannot be told"],
  ["carriage returns in headers", MODIFIED.replaceAll("\n", "\r\n"), ""],
];

describe("parsePatch refuses", () => {
  test.each(HOSTILE)("%s", (_name, text, why) => {
    const parsed = parsePatch(text);
    expect(parsed).toMatchObject({ ok: false, reason: "patch_unparseable" });
    expect(parsed.ok ? "" : parsed.detail).toContain(why);
    expect(parsed.ok ? "" : parsed.detail).toMatch(/line \d+: /);
  });

  test.each(["", "\n", "  \n\t\n"])("an empty patch %j by its own code", (text) => {
    expect(parsePatch(text)).toMatchObject({ ok: false, reason: "patch_empty" });
  });

  test("any text by a verdict, never by an exception", () => {
    const parts = fc.array(
      fc.constantFrom(...MODIFIED.split("\n"), "+x", "-x", "@@ -0,0 +1 @@", "new file mode 100644"),
    );
    fc.assert(fc.property(parts, (lines) => void parsePatch(lines.join("\n"))));
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parsePatch(text)));
  });
});

describe("fingerprintInput", () => {
  test("does not see positions, context, index lines or the order of files", () => {
    const other = MODIFIED.replaceAll("src/a.ts", "src/z.ts");
    const moved = MODIFIED.replace("-1,3 +1,3 @@ function a", "-41,3 +41,3 @@")
      .replace(" one", " other")
      .replace("1111111", "3333333");
    expect(fingerprintInput(parse(moved + other))).toBe(fingerprintInput(parse(other + MODIFIED)));
  });

  test.each([
    ["an added line", MODIFIED.replace("+TWO", "+TWo")],
    ["a removed line", MODIFIED.replace("-two", "-tw")],
    ["the path", MODIFIED.replaceAll("src/a.ts", "src/b.ts")],
    [
      "the mode",
      MODIFIED.replace("index 1111111..2222222 100644", "old mode 100644\nnew mode 100755\nindex 1111111..2222222"),
    ],
    [
      "the last line break",
      MODIFIED.replace("-1,3 +1,3", "-1,2 +1,2").replace("+TWO\n three\n", "+TWO\n\\ No newline at end of file\n"),
    ],
  ])("sees %s", (_name, text) => {
    expect(fingerprintInput(parse(text))).not.toBe(fingerprintInput(parse(MODIFIED)));
  });
});

describe("applyToTexts", () => {
  test("says which file does not fit", () => {
    expect(applyToTexts({}, parse(MODIFIED))).toEqual({ ok: false, detail: "src/a.ts does not exist" });
    expect(applyToTexts({ "src/a.ts": "one\n2\nthree\n" }, parse(MODIFIED))).toEqual({
      ok: false,
      detail: "src/a.ts does not match the patch",
    });
    const rename = parse("diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n");
    expect(applyToTexts({ x: "1", y: "2" }, rename)).toEqual({ ok: false, detail: "y exists already" });
    const removal = "diff --git a/x b/x\ndeleted file mode 100644\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n";
    expect(applyToTexts({ x: "1\n2\n" }, parse(removal))).toMatchObject({ ok: false });
    expect(applyToTexts({ x: "1\n" }, parse(removal))).toEqual({ ok: true, files: {} });
  });
});

test("a binary patch comes to an end, and to a refusal", () => {
  const binary =
    "diff --git a/slow.js b/slow.js\nindex f958a1a..04f2448 100644\nGIT binary patch\nliteral 3\nKcmZQzU|?hb0RjL53IG5A\n\n";
  for (let length = 0; length <= binary.length; length += 1) expect(verdictOn(binary.slice(0, length))).toBe("fail");
});

function verdictOn(text: string): string {
  const parsed = parsePatch(text);
  return parsed.ok ? judgeScope(parsed.patch, { source: ["*.js"] }).verdict : "fail";
}
