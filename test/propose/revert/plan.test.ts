import { describe, expect, test } from "@jest/globals";
import { planRevert, type RevertPlan } from "../../../src/propose/revert/plan.ts";
import fc from "../../support/fast-check.ts";
import { temporaryFolder } from "../../support/git-repository.ts";
import { applied, type Content, type Files, realGit, type RealGit } from "./git-history.ts";

const file = (text: string, mode = "100644"): Content => ({ mode, bytes: Buffer.from(text, "latin1") });
const files = (entries: Readonly<Record<string, string | Content>>): Files =>
  new Map(Object.entries(entries).map(([path, one]) => [path, typeof one === "string" ? file(one) : one]));
const lines = (...text: string[]): string => text.map((line) => `${line}\n`).join("");

async function planOf(git: RealGit, [before, changed, now]: readonly [Files, Files, Files]) {
  const [a = "", b = "", c = ""] = git.commits([before, changed, now]);
  const commits = { before: a, changed: b, now: c };
  return { plan: await planRevert(git.history, commits), expected: git.revert(commits) };
}
const treeAfter = (git: RealGit, now: Files, plan: RevertPlan): string | undefined =>
  plan.kind === "conflict" ? undefined : git.treeOf(plan.kind === "clean" ? applied(now, plan.files) : now);

// Few words and few names, so that changes meet: on the same lines, beside each other, on the same file.
const Line = fc.constantFrom("a", "b", "c", "d", "e", "f").map((word) => `${word}\n`);
const Text = fc.oneof(
  { weight: 6, arbitrary: fc.array(Line, { maxLength: 8 }).map((all) => all.join("")) },
  { weight: 1, arbitrary: fc.array(Line, { minLength: 1, maxLength: 4 }).map((all) => all.join("").slice(0, -1)) },
  { weight: 1, arbitrary: fc.constantFrom("\0one\n", "\0two\n", "a\r\nb\r\n") },
);
const Mode = fc.constantFrom("100644", "100644", "100644", "100755", "120000");
const One = fc
  .record({ mode: Mode, text: Text })
  .map(({ mode, text }) => file(mode === "120000" ? "target" : text, mode));
const Path = fc.constantFrom("a.ts", "b.ts", "dir/c.ts", "dir");
const Tree = fc.array(fc.tuple(Path, One), { minLength: 1, maxLength: 4 }).map((all) => withoutClashes(new Map(all)));
/** The same tree with some files written anew, by lines of their own, or gone. */
const edit = (tree: Files) =>
  fc.array(fc.tuple(Path, fc.oneof(One, fc.constant(undefined)), fc.nat(8), Line), { maxLength: 3 }).map((all) => {
    const next = new Map(tree);
    for (const [path, one, at, line] of all) {
      const old = next.get(path);
      if (old !== undefined && at % 2 === 0 && old.mode.startsWith("100"))
        next.set(path, { ...old, bytes: replaced(old.bytes, at, line) });
      else if (one === undefined) next.delete(path);
      else next.set(path, one);
    }
    return withoutClashes(next);
  });

function replaced(bytes: Uint8Array, at: number, line: string): Uint8Array {
  const all = Buffer.from(bytes)
    .toString("latin1")
    .split(/(?<=\n)/);
  all[Math.min(at, all.length - 1)] = line;
  return Buffer.from(all.join(""), "latin1");
}

function withoutClashes(tree: Map<string, Content>): Files {
  if (tree.has("dir")) tree.delete("dir/c.ts");
  return tree;
}

describe("a revert", () => {
  test("of what was just applied gives the base", async () => {
    await using folder = await temporaryFolder();
    const git = realGit(folder.path);
    const history = Tree.chain((before) => edit(before).map((changed) => ({ before, changed })));
    await fc.assert(
      fc.asyncProperty(history, async ({ before, changed }) => {
        const { plan } = await planOf(git, [before, changed, changed]);
        expect(treeAfter(git, changed, plan)).toBe(git.treeOf(before));
      }),
      { numRuns: 15 },
    );
  });

  test("gives git's tree wherever it is clean, and conflicts wherever git does", async () => {
    await using folder = await temporaryFolder();
    const git = realGit(folder.path);
    const history = Tree.chain((before) =>
      edit(before).chain((changed) => edit(changed).map((now) => [before, changed, now] as const)),
    );
    const seen = { clean: 0, conflict: 0, stricter: 0, nothing: 0 };
    await fc.assert(
      fc.asyncProperty(history, async (trees) => {
        const { plan, expected } = await planOf(git, trees);
        seen[plan.kind] += 1;
        if (plan.kind === "conflict" && expected !== undefined) seen.stricter += 1;
        else expect(treeAfter(git, trees[2], plan)).toBe(expected);
      }),
      { numRuns: 60 },
    );
    // The sample reached all of it, and being stricter than git is the exception.
    expect(Math.min(seen.clean, seen.conflict)).toBeGreaterThan(5);
    expect(seen.stricter).toBeLessThan(seen.conflict / 3);
  });

  const BASE = lines("import x", "one", "two", "three", "four", "five", "six");
  test.each<[string, readonly [Files, Files, Files], RevertPlan["kind"]]>([
    [
      "other lines changed later",
      [
        files({ a: BASE }),
        files({ a: BASE.replace("two", "2") }),
        files({ a: BASE.replace("two", "2").replace("six", "6") }),
      ],
      "clean",
    ],
    [
      "the same line changed later",
      [files({ a: BASE }), files({ a: BASE.replace("two", "2") }), files({ a: BASE.replace("two", "22") })],
      "conflict",
    ],
    [
      "the line beside it changed later",
      [files({ a: BASE }), files({ a: BASE.replace("two", "2") }), files({ a: BASE.replace("two\nthree", "2\n3") })],
      "conflict",
    ],
    ["taken back already", [files({ a: BASE }), files({ a: BASE.replace("two", "2") }), files({ a: BASE })], "nothing"],
    ["the file removed later", [files({ a: BASE }), files({ a: BASE.replace("two", "2") }), files({})], "conflict"],
    ["an added file changed later", [files({}), files({ a: BASE }), files({ a: `${BASE}more\n` })], "conflict"],
    ["a removed file written anew", [files({ a: BASE }), files({}), files({ a: "other\n" })], "conflict"],
    ["a renamed file", [files({ a: BASE }), files({ b: BASE }), files({ b: BASE, c: "new\n" })], "clean"],
    [
      "a renamed file that was changed later",
      [files({ a: BASE }), files({ b: BASE }), files({ b: `${BASE}more\n` })],
      "clean",
    ],
    [
      "a mode",
      [files({ a: BASE }), files({ a: file(BASE, "100755") }), files({ a: file(`${BASE}more\n`, "100755") })],
      "clean",
    ],
    ["binary content", [files({ a: "\0one" }), files({ a: "\0two" }), files({ a: "\0two", b: "x\n" })], "clean"],
    [
      "binary content that was changed later",
      [files({ a: "\0one" }), files({ a: "\0two" }), files({ a: "\0three" })],
      "conflict",
    ],
    ["a removed file where a folder is now", [files({ d: "x\n" }), files({}), files({ "d/e": "y\n" })], "conflict"],
    [
      "a link",
      [files({ a: file("x", "120000") }), files({ a: file("y", "120000") }), files({ a: file("y", "120000") })],
      "clean",
    ],
  ])("%s", async (_name, trees, kind) => {
    await using folder = await temporaryFolder();
    const git = realGit(folder.path);
    const { plan, expected } = await planOf(git, trees);
    expect(plan.kind).toBe(kind);
    expect(treeAfter(git, trees[2], plan)).toBe(expected);
  });

  test("names later lines that use what goes away, and not those that use what was there before", async () => {
    await using folder = await temporaryFolder();
    const git = realGit(folder.path);
    const before = files({ "a.ts": lines("export const known = 1;") });
    const changed = files({ "a.ts": lines("export const known = 1;", "export const fresh = known;") });
    const now = new Map([...changed, ["b.ts", file(lines("use(known);", "use(fresh);"))], ["c.md", file("nothing\n")]]);
    const { plan } = await planOf(git, [before, changed, now]);
    expect(plan).toMatchObject({
      kind: "clean",
      uses: [{ path: "b.ts", line: 2, name: "fresh" }],
      useCount: 1,
      unsearched: 0,
    });
    const { plan: alone } = await planOf(git, [
      before,
      changed,
      new Map([...changed, ["b.ts", file("use(known);\n")]]),
    ]);
    expect(alone).toMatchObject({ kind: "clean", uses: [], useCount: 0 });
  });

  test("is the same for the same commits, byte by byte", async () => {
    await using folder = await temporaryFolder();
    const git = realGit(folder.path);
    const bytes = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1));
    const trees = [
      files({ a: { mode: "100644", bytes } }),
      files({ a: "x\n" }),
      files({ a: "x\n", b: "y\n" }),
    ] as const;
    const { plan } = await planOf(git, trees);
    const { plan: again } = await planOf(git, trees);
    expect(plan).toEqual(again);
    expect(plan).toMatchObject({ kind: "clean", files: [{ path: "a", bytes }] });
  });
});
