import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { StageVerdict } from "../../src/model/verdict.ts";
import { parsePatch } from "../../src/protect/patch.ts";
import type { FilePatch, Patch } from "../../src/protect/patch-form.ts";
import { judgeScope, type ScopeRules } from "../../src/protect/patch-rules.ts";

const RULES: ScopeRules = { source: ["src/**", "lib/*.ts"] };
const LINE = { kind: "add", text: "x", eol: true } as const;
const HUNK = { oldStart: 1, oldLines: 0, newStart: 1, newLines: 1, lines: [LINE] };

const edit = (path: string, more: Partial<FilePatch> = {}): FilePatch => ({
  status: "modified",
  oldPath: path,
  newPath: path,
  oldMode: "100644",
  newMode: "100644",
  binary: false,
  hunks: [HUNK],
  ...more,
});
const patch = (...files: FilePatch[]): Patch => ({ files, bytes: 100 });
const judge = (...files: FilePatch[]): StageVerdict => judgeScope(patch(...files), RULES);

describe("judgeScope allows", () => {
  test.each(["src/a.ts", "src/deep/er/b.js", "lib/c.ts", "src/ž b.ts", "src/rules/a.ts", "src/make.file"])(
    "%s",
    (path) => {
      expect(judge(edit(path))).toEqual({
        verdict: "pass",
        reasons: ["ok"],
        details: ["1 files, 1 lines added, 0 removed, 100 bytes: all allowed."],
      });
    },
  );

  test("what real git wrote for a rename inside the source paths", () => {
    const parsed = parsePatch(
      "diff --git a/src/x b/src/y\nsimilarity index 100%\nrename from src/x\nrename to src/y\n",
    );
    expect(parsed.ok && judgeScope(parsed.patch, RULES).verdict).toBe("pass");
  });

  test("a file that was executable before and stays it", () => {
    expect(judge(edit("src/run.sh", { oldMode: "100755", newMode: "100755" })).verdict).toBe("pass");
  });
});

const ANYWHERE: ScopeRules = { source: ["**"] };

describe("judgeScope forbids the path", () => {
  test.each(["README.md", "lib/deep/c.ts", "srcs/a.ts", "src", "test/src/a.ts"])("outside the globs: %s", (path) => {
    expect(judge(edit(path))).toMatchObject({ verdict: "fail", reasons: ["path_forbidden"] });
  });

  test.each([
    ".github/workflows/ci.yml",
    "src/.github/x.yml",
    "a/.vscode/settings.json",
    ".claude/settings.json",
    ".mcp.json",
    "src/.npmrc",
    ".gitattributes",
    "src/.gitmodules",
    ".GIT/config",
    "package.json",
    "packages/x/Package.JSON",
    "package-lock.json",
    "deep/yarn.lock",
    "Cargo.lock",
    "requirements-dev.txt",
    "pyproject.toml",
    "Makefile",
    "Dockerfile.prod",
    "docs/CODEOWNERS",
    "CLAUDE.md",
    "src/claude.md",
    "REVIEW.md",
    "rules/n-plus-one.yaml",
    "Rules/x.yaml",
    "node_modules/x/index.js",
    "src/node_modules/x.js",
    "whetstone.yaml",
  ])("protected although the globs allow everything: %s", (path) => {
    const verdict = judgeScope(patch(edit(path)), ANYWHERE);
    expect(verdict).toMatchObject({ verdict: "fail", reasons: ["path_forbidden"] });
    expect(verdict.details[0]).toContain(JSON.stringify(path));
  });

  test.each([
    ["/etc/passwd", "absolute"],
    ["C:/x", "absolute"],
    ["src/../../x", "part"],
    ["../x", "part"],
    ["src//x", "part"],
    ["src/./x", "part"],
    ["src/", "part"],
    ["src\\x", "backslash"],
    ["src/a\nb", "invisible"],
    ["src/a\u202eb", "invisible"],
    ["src/a\u200bb", "invisible"],
    ["src/e\u0301", "normal form"],
    ["src/x.", "rewrite"],
    ["src/x ", "rewrite"],
    ["src/git~1/x", "rewrite"],
    [`src/${"x".repeat(300)}`, "longer"],
  ])("not what it shows: %j", (path, why) => {
    const verdict = judgeScope(patch(edit(path)), ANYWHERE);
    expect(verdict).toMatchObject({ verdict: "fail", reasons: ["path_forbidden"] });
    expect(verdict.details.join()).toContain(why);
  });

  test("old names count as new ones do", () => {
    const out = edit("src/a", { status: "renamed", newPath: "elsewhere/a" });
    const taken = edit("src/a", { status: "renamed", oldPath: ".env" });
    for (const file of [out, taken])
      expect(judge(file)).toMatchObject({ verdict: "fail", reasons: ["path_forbidden"] });
    const gone: FilePatch = { status: "deleted", oldPath: "README.md", oldMode: "100644", binary: false, hunks: [] };
    expect(judge(gone)).toMatchObject({ verdict: "fail", reasons: ["path_forbidden"] });
  });

  test("a pattern with ! takes out and never lets in", () => {
    const rules = { source: ["src/**", "!src/secret/**"] };
    expect(judgeScope(patch(edit("src/a")), rules).verdict).toBe("pass");
    expect(judgeScope(patch(edit("src/secret/a")), rules).verdict).toBe("fail");
    expect(judgeScope(patch(edit("elsewhere")), rules).verdict).toBe("fail");
    expect(judgeScope(patch(edit("src/a")), { source: [] }).verdict).toBe("fail");
    expect(judgeScope(patch(edit("src/a")), { source: ["!x"] }).verdict).toBe("fail");
  });

  test("names that differ only in case", () => {
    const verdict = judge(edit("src/Readme"), edit("src/README"));
    expect(verdict).toMatchObject({ verdict: "fail", reasons: ["path_collision"] });
    expect(verdict.details[0]).toContain('"src/Readme" and "src/README" are one name');
    expect(judge(edit("src/a", { status: "renamed", newPath: "src/A" })).verdict).toBe("fail");
  });
});

describe("judgeScope forbids the form", () => {
  test.each(["120000", "160000", "104755", "100600", "040000"])("mode %s", (mode) => {
    for (const side of [{ newMode: mode }, { oldMode: mode }]) {
      expect(judge(edit("src/a", side))).toMatchObject({ verdict: "fail", reasons: ["mode_forbidden"] });
    }
  });

  test("a file that becomes executable, also a new one", () => {
    expect(judge(edit("src/a", { newMode: "100755" })).reasons).toEqual(["mode_forbidden"]);
    const added: FilePatch = { status: "added", newPath: "src/a", newMode: "100755", binary: false, hunks: [HUNK] };
    expect(judge(added).reasons).toEqual(["mode_forbidden"]);
  });

  test("binary content", () => {
    expect(judge(edit("src/a.png", { binary: true, hunks: [] }))).toMatchObject({
      verdict: "fail",
      reasons: ["binary_forbidden"],
    });
  });

  test("a patch without files", () => {
    expect(judge()).toMatchObject({ verdict: "fail", reasons: ["patch_empty"] });
  });
});

describe("judgeScope limits", () => {
  const lines = (count: number) =>
    edit("src/a", { hunks: [{ ...HUNK, lines: Array.from({ length: count }, () => LINE) }] });
  const limits = { files: 2, lines: 3, bytes: 100 };
  test.each([
    ["files", patch(edit("src/a"), edit("src/b")), patch(edit("src/a"), edit("src/b"), edit("src/c"))],
    ["lines", patch(lines(3)), patch(lines(4))],
    ["bytes", { ...patch(edit("src/a")), bytes: 100 }, { ...patch(edit("src/a")), bytes: 101 }],
  ])("%s: the limit itself passes, one more does not", (unit, atLimit, above) => {
    expect(judgeScope(atLimit, { ...RULES, limits }).verdict).toBe("pass");
    const verdict = judgeScope(above, { ...RULES, limits });
    expect(verdict).toMatchObject({ verdict: "fail", reasons: ["size_exceeded"] });
    expect(verdict.details[0]).toContain(unit);
  });

  test("hold without configuration", () => {
    expect(judge(lines(600)).verdict).toBe("pass");
    expect(judge(lines(601)).reasons).toEqual(["size_exceeded"]);
  });

  test("a limit that is no number refuses", () => {
    expect(judgeScope(patch(edit("src/a")), { ...RULES, limits: { lines: Number.NaN } }).verdict).toBe("fail");
  });
});

test("all faults are named, each reason once, and the rest is counted", () => {
  const verdict = judge(...Array.from({ length: 30 }, (_, index) => edit(`out/${index}`, { newMode: "120000" })));
  expect(verdict.reasons.toSorted()).toEqual(["mode_forbidden", "path_forbidden", "size_exceeded"]);
  expect(verdict.details).toHaveLength(21);
  expect(verdict.details.at(-1)).toBe("41 more of 61.");
});

test("whatever the path: it passes only inside src/ and without an odd part", () => {
  const part = fc.oneof(
    fc.constantFrom("src", "..", ".", "", ".git", ".github", "package.json", "a", "A"),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
      const path = parts.join("/");
      if (judgeScope(patch(edit(path)), { source: ["src/**"] }).verdict !== "pass") return;
      expect(path.startsWith("src/")).toBe(true);
      expect(path.split("/").some((one) => one === "" || one.startsWith("."))).toBe(false);
      expect(path).not.toMatch(/[\p{Cc}\p{Cf}\\]|\/package\.json$/u);
    }),
    { numRuns: 1_000 },
  );
});
