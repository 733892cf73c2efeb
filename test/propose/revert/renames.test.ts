import { describe, expect, test } from "@jest/globals";
import { planRevert, type RevertPlan } from "../../../src/propose/revert/plan.ts";
import { piecesOf, similarity } from "../../../src/propose/revert/similarity.ts";
import fc from "../../support/fast-check.ts";
import { temporaryFolder } from "../../support/git-repository.ts";
import { applied, type Content, type Files, realGit, type RealGit } from "./git-history.ts";

const file = (text: string, mode = "100644"): Content => ({ mode, bytes: Buffer.from(text, "latin1") });
const files = (entries: Readonly<Record<string, string>>): Files =>
  new Map(Object.entries(entries).map(([path, text]) => [path, file(text)]));
const textOf = (content: Content | undefined): string => Buffer.from(content?.bytes ?? []).toString("latin1");

/** Ten lines that only this text has. */
const lines = (name: string, from = 0, count = 10): string =>
  Array.from({ length: count }, (_, i) => `${name} line ${from + i}\n`).join("");

async function planOf(git: RealGit, [before, changed, now]: readonly [Files, Files, Files]) {
  const [a = "", b = "", c = ""] = git.commits([before, changed, now]);
  const commits = { before: a, changed: b, now: c };
  return { plan: await planRevert(git.history, commits), expected: git.revert(commits) };
}
const treeAfter = (git: RealGit, now: Files, plan: RevertPlan): string | undefined =>
  plan.kind === "conflict" ? undefined : git.treeOf(plan.kind === "clean" ? applied(now, plan.files) : now);

const Path = fc.constantFrom("a.ts", "b.ts", "c.ts", "lib/a.ts", "lib/b.ts", "src/a.ts", "src/lib/a.ts");
const Topic = fc.constantFrom("alpha", "beta", "gamma", "delta");
const Text = fc.oneof(
  { weight: 5, arbitrary: Topic.map((topic) => lines(topic)) },
  // Two topics in one file: like two others, to a degree.
  { weight: 1, arbitrary: fc.tuple(Topic, Topic, fc.nat(10)).map(([a, b, n]) => lines(a, 0, n) + lines(b, 0, 10 - n)) },
  { weight: 1, arbitrary: fc.constantFrom("", "x\n") },
);
const Act = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("rename" as const), path: Path, to: Path }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("edit" as const),
      path: Path,
      at: fc.nat(9),
      lines: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), path: Path }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("add" as const), path: Path, text: Text }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("move" as const),
      from: fc.constantFrom("lib/", "src/"),
      to: fc.constantFrom("lib/", "new/"),
    }),
  },
);
type Act = typeof Act extends fc.Arbitrary<infer T> ? T : never;

/** Acts on files that are there; others do nothing. `salt` keeps the edits of two commits apart. */
function acted(tree: Files, acts: readonly Act[], salt: string): Files {
  const next = new Map(tree);
  for (const act of acts) actOn(next, act, salt);
  return next;
}

function actOn(next: Map<string, Content>, act: Act, salt: string): void {
  switch (act.do) {
    case "rename": {
      const content = next.get(act.path);
      if (content === undefined || next.has(act.to)) return;
      next.delete(act.path);
      next.set(act.to, content);
      return;
    }
    case "edit": {
      const content = next.get(act.path);
      if (content === undefined) return;
      const all = textOf(content).split(/(?<=\n)/);
      for (let i = act.at; i < Math.min(all.length, act.at + act.lines); i += 1) all[i] = `${salt} ${i}\n`;
      next.set(act.path, { ...content, bytes: Buffer.from(all.join(""), "latin1") });
      return;
    }
    case "remove":
      next.delete(act.path);
      return;
    case "add":
      if (!next.has(act.path)) next.set(act.path, file(act.text));
      return;
    case "move":
      for (const [path, content] of tree(next, act.from)) {
        next.delete(path);
        next.set(act.to + path.slice(act.from.length), content);
      }
  }
}

const tree = (all: Files, folder: string): readonly (readonly [string, Content])[] =>
  [...all].filter(([path]) => path.startsWith(folder));

const Acts = fc.array(Act, { minLength: 1, maxLength: 4 });
const History = fc
  .tuple(fc.array(fc.tuple(Path, Text), { minLength: 2, maxLength: 6 }), Acts, Acts)
  .map(([entries, change, later]) => {
    const before: Files = new Map(entries.map(([path, text]) => [path, file(text)]));
    const changed = acted(before, change, "change");
    return [before, changed, acted(changed, later, "later")] as const;
  });

const RUNS = 45;

describe("a revert of files that were renamed", () => {
  test("gives git's tree wherever it is clean, and conflicts wherever git does", async () => {
    await using folder = await temporaryFolder();
    const git = realGit(folder.path);
    const seen = { clean: 0, conflict: 0, stricter: 0, nothing: 0, renamed: 0 };
    await fc.assert(
      fc.asyncProperty(History, async (trees) => {
        const { plan, expected } = await planOf(git, trees);
        seen[plan.kind] += 1;
        if (plan.kind === "clean" && plan.files.some(({ path, bytes }) => bytes !== null && !trees[1].has(path))) {
          seen.renamed += 1;
        }
        if (plan.kind === "conflict" && expected !== undefined) seen.stricter += 1;
        else expect(treeAfter(git, trees[2], plan)).toBe(expected);
      }),
      { numRuns: RUNS },
    );
    // The sample reached all of it, and being stricter than git is the exception.
    expect(Math.min(seen.clean, seen.conflict, seen.renamed)).toBeGreaterThan(0);
    expect(seen.stricter).toBeLessThan(RUNS / 4);
  });
});

const BASE = lines("base");
const CHANGE = BASE.replace("base line 2\n", "export const fresh = 2;\n");
/** A line far from the change, as somebody edits it later. */
const later = (text: string): string => text.replace("base line 8\n", "eight\n");

describe("a file of the change that was renamed since", () => {
  test.each<[string, readonly [Files, Files, Files], RevertPlan["kind"]]>([
    ["to another name", [files({ "a.ts": BASE }), files({ "a.ts": CHANGE }), files({ "b.ts": CHANGE })], "clean"],
    [
      "and changed on other lines",
      [files({ "a.ts": BASE }), files({ "a.ts": CHANGE }), files({ "b.ts": later(CHANGE) })],
      "clean",
    ],
    [
      "and changed on the same line",
      [files({ "a.ts": BASE }), files({ "a.ts": CHANGE }), files({ "b.ts": CHANGE.replace("fresh = 2", "fresh = 3") })],
      "conflict",
    ],
    ["and taken back there", [files({ "a.ts": BASE }), files({ "a.ts": CHANGE }), files({ "b.ts": BASE })], "nothing"],
    [
      "and is too different by now",
      [files({ "a.ts": BASE }), files({ "a.ts": CHANGE }), files({ "b.ts": lines("other") })],
      "conflict",
    ],
    [
      "to one of two equal files",
      [files({ "a.ts": BASE }), files({ "a.ts": CHANGE }), files({ "b.ts": CHANGE, "c.ts": CHANGE })],
      "conflict",
    ],
    ["where the change had added it", [files({}), files({ "a.ts": BASE }), files({ "b.ts": BASE })], "conflict"],
    [
      "where the change had renamed it",
      [files({ "a.ts": BASE }), files({ "b.ts": BASE }), files({ "c.ts": BASE })],
      "conflict",
    ],
    [
      "to a name that comes back",
      [files({ "a.ts": BASE, "b.ts": "b\n" }), files({ "a.ts": CHANGE }), files({ "b.ts": CHANGE })],
      "conflict",
    ],
    [
      "with its folder, to which something comes back",
      [
        files({ "lib/a.ts": BASE, "lib/gone.ts": lines("gone") }),
        files({ "lib/a.ts": CHANGE }),
        files({ "src/a.ts": CHANGE }),
      ],
      "conflict",
    ],
  ])("%s", async (_, trees, kind) => {
    await using folder = await temporaryFolder();
    const git = realGit(folder.path);
    const { plan, expected } = await planOf(git, trees);
    expect(plan.kind).toBe(kind);
    if (kind !== "conflict") expect(treeAfter(git, trees[2], plan)).toBe(expected);
  });

  test("is taken back where it is now, and later lines that use what goes away are named by the new names", async () => {
    await using folder = await temporaryFolder();
    const git = realGit(folder.path);
    const now = files({
      "b.ts": later(CHANGE),
      "use.ts": 'import { fresh } from "./b.ts";\n',
      "other.ts": 'import { known } from "./b.ts";\n',
    });
    const { plan } = await planOf(git, [files({ "a.ts": BASE }), files({ "a.ts": CHANGE }), now]);
    expect(plan).toMatchObject({
      kind: "clean",
      files: [{ path: "b.ts" }],
      // The line that the change brought came with the file, and is no later one.
      uses: [{ path: "use.ts", line: 1, name: "fresh" }],
      useCount: 1,
      unsearched: 0,
    });
  });

  test("gets the name back that the change took from it, with what was changed since; who imports it is named", async () => {
    await using folder = await temporaryFolder();
    const git = realGit(folder.path);
    const now = files({ "fresh.ts": later(BASE), "use.ts": 'import { x } from "./fresh.ts";\n' });
    const trees = [files({ "old.ts": BASE }), files({ "fresh.ts": BASE }), now] as const;
    const { plan, expected } = await planOf(git, trees);
    expect(treeAfter(git, now, plan)).toBe(expected);
    expect(plan).toMatchObject({
      kind: "clean",
      files: [
        { path: "fresh.ts", bytes: null },
        { path: "old.ts", mode: "100644" },
      ],
      uses: [{ path: "use.ts", line: 1, name: "fresh" }],
    });
  });

  test("is left to people where too many files came to compare them all", async () => {
    await using folder = await temporaryFolder();
    const git = realGit(folder.path);
    const many = Object.fromEntries(Array.from({ length: 160 }, (_, i) => [`n${i}.ts`, lines(`n${i}`)]));
    const now = files({ ...many, "b.ts": later(CHANGE) });
    const { plan } = await planOf(git, [files({ "a.ts": BASE }), files({ "a.ts": CHANGE }), now]);
    expect(plan).toMatchObject({
      kind: "conflict",
      conflicts: [{ path: "a.ts", why: expect.stringContaining("too many files") }],
    });
    const { plan: equal } = await planOf(git, [
      files({ "a.ts": BASE }),
      files({ "a.ts": CHANGE }),
      files({ ...many, "b.ts": CHANGE }),
    ]);
    expect(equal).toMatchObject({ kind: "clean", files: [{ path: "b.ts" }] });
  });
});

describe("similarity", () => {
  const of = (one: string, other: string): number =>
    similarity(piecesOf(Buffer.from(one)), piecesOf(Buffer.from(other)));

  test("is the share of the larger file in lines that both have, whatever their order", () => {
    expect(of("aa\nbb\ncc\n", "cc\naa\nbb\n")).toBe(1);
    expect(of("aa\nbb\n", "aa\ncc\n")).toBe(0.5);
    expect(of("aa\naa\naa\n", "aa\n")).toBeCloseTo(1 / 3, 12);
    expect([of("", ""), of("", "a"), of("a", "b")]).toEqual([0, 0, 0]);
  });

  test("of long lines is that of their pieces", () => {
    const long = "x".repeat(64);
    expect(of(`${long}1\n`, `${long}2\n`)).toBeCloseTo(64 / 66, 12);
  });

  test("is what git says it is, within a hundredth", async () => {
    await using folder = await temporaryFolder();
    const git = realGit(folder.path);
    const Mixed = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 3, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(Mixed, Mixed, async (a, b) => {
        const text = (all: readonly number[]) => all.map((n) => `the line of number ${n}\n`).join("");
        const score = of(text(a), text(b));
        fc.pre(score < 1);
        const [one = "", other = ""] = git.commits([files({ "old.txt": text(a) }), files({ "new.txt": text(b) })]);
        const said = git.similarity(one, other);
        if (score >= 0.52) expect(said).toBeCloseTo(score, 1.5);
        if (score <= 0.48) expect(said).toBeUndefined();
      }),
      { numRuns: 20 },
    );
  });
});
