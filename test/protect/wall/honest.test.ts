import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { runGit } from "../../../src/github/git.ts";
import type { WallRules } from "../../../src/protect/wall/change.ts";
import { passWall } from "../../../src/protect/wall/wall.ts";
import { BASE, wallPlace, type WallPlace } from "./wall-place.ts";

let place: WallPlace;
beforeAll(async () => {
  place = await wallPlace();
});
afterAll(() => place[Symbol.asyncDispose]());

const RULES: WallRules = {
  source: ["src/**", "README.md", "package.json", ".github/**", "docs/**"],
  binary: ["src/img/**", "docs/**/*.png"],
  executable: ["src/bin/**"],
  limits: { lines: 2_000, bytes: 400_000, files: 40 },
  protected: { documents: "allowed", manifests: "request-review", ci: "request-review" },
};

/** Content to write, null to remove, a function to change what is there; `x:` before a path sets the executable bit. */
type Edit = string | Uint8Array | null | ((text: string) => string);
type Honest = {
  readonly name: string;
  readonly edits: Readonly<Record<string, Edit>>;
  readonly moves?: readonly (readonly [string, string])[];
  readonly modes?: Readonly<Record<string, number>>;
  readonly options?: readonly string[];
};

const png = (length: number, seed = 1) =>
  Buffer.from(Array.from({ length }, (_, n) => (n * 31 * seed + (n >> 3)) & 255));
const edit = (path: string, from: string | RegExp, to: string): Readonly<Record<string, Edit>> => ({
  [path]: (text) => text.replace(from, to),
});
const lines =
  (...numbers: number[]) =>
  (text: string) =>
    text
      .split("\n")
      .map((line, n) => (numbers.includes(n + 1) ? `${line} changed` : line))
      .join("\n");
const big = Array.from({ length: 900 }, (_, n) => `const value${n} = ${n * 7};\n`).join("");

const HONEST: readonly Honest[] = [
  { name: "one line changed", edits: edit("src/a.ts", "two", "TWO") },
  { name: "the first line changed", edits: edit("src/a.ts", "one", "ONE") },
  { name: "the last line changed", edits: edit("src/a.ts", "three", "THREE") },
  { name: "all lines changed", edits: { "src/a.ts": "1\n2\n3\n4\n" } },
  { name: "a line inserted at the top", edits: edit("src/a.ts", "one", "zero\none") },
  { name: "lines appended", edits: edit("src/a.ts", "three\n", "three\nfour\nfive\n") },
  { name: "a line removed", edits: edit("src/a.ts", "two\n", "") },
  { name: "a file emptied", edits: { "src/a.ts": "" } },
  { name: "an empty file filled", edits: { "src/empty.txt": "now\n" } },
  { name: "two hunks far apart", edits: { "src/long.ts": lines(5, 50) } },
  { name: "three adjacent hunks", edits: { "src/long.ts": lines(5, 12, 19) } },
  { name: "hunks that touch without context", edits: { "src/long.ts": lines(5, 12, 13, 20) } },
  {
    name: "a hunk that grows and one that shrinks",
    edits: { "src/long.ts": (text) => text.replace("line 3\n", "line 3\na\nb\nc\n").replace("line 40\nline 41\n", "") },
  },
  {
    name: "one of many equal lines",
    edits: { "src/repeat.ts": (text) => text.split("\n").with(17, "other").join("\n") },
  },
  { name: "equal lines inserted among equal ones", edits: { "src/repeat.ts": (text) => `${text}same\nsame\n` } },
  { name: "one line of context", edits: { "src/long.ts": lines(30) }, options: ["-U1"] },
  { name: "twenty lines of context", edits: { "src/long.ts": lines(30) }, options: ["-U20"] },
  { name: "the whole function as context", edits: { "src/long.ts": lines(30) }, options: ["-W"] },
  {
    name: "hunks between which all context is shown",
    edits: { "src/long.ts": lines(5, 20) },
    options: ["--inter-hunk-context=20"],
  },
  {
    name: "the patience algorithm",
    edits: { "src/long.ts": (text) => text.split("\n").toReversed().join("\n").trimStart() + "\n" },
    options: ["--patience"],
  },
  { name: "the histogram algorithm", edits: { "src/long.ts": lines(1, 3, 5, 7, 30, 60) }, options: ["--histogram"] },
  { name: "a line break added at the end", edits: edit("src/noeol.txt", /$/, "\n") },
  { name: "the line break at the end removed", edits: edit("src/a.ts", /\n$/, "") },
  { name: "a change with no line break at the end", edits: edit("src/noeol.txt", "two", "2") },
  { name: "lines appended behind no line break", edits: edit("src/noeol.txt", /$/, "\nthree") },
  { name: "the first line of a file without line break at the end", edits: edit("src/noeol.txt", "one", "1") },
  { name: "a line of a CRLF file", edits: edit("src/crlf.txt", "two", "TWO") },
  { name: "a CRLF file becomes LF", edits: { "src/crlf.txt": (text) => text.replaceAll("\r\n", "\n") } },
  { name: "an LF file becomes CRLF", edits: { "src/a.ts": (text) => text.replaceAll("\n", "\r\n") } },
  { name: "a new CRLF file", edits: { "src/new-crlf.txt": "a\r\nb\r\n" } },
  { name: "mixed line breaks", edits: { "src/mixed.txt": "a\r\nb\nc\rd\n\re\r\n" } },
  { name: "white space only", edits: edit("src/a.ts", "two", "  two\t ") },
  { name: "form feed, vertical tab and escape in lines", edits: { "src/odd.txt": "a\fb\vc\u001b[0m\n" } },
  {
    name: "lines that look like a patch",
    edits: { "src/p.txt": "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\ndiff --git a/x b/x\n\\ No newline at end of file\n" },
  },
  { name: "removal of lines that look like headers", edits: { "src/a.ts": "-- a/x\n++ b/x\n" } },
  { name: "lines of text in many scripts", edits: { "src/žluť.ts": "kůň\n日本語\nעברית\n🦔\n" } },
  {
    name: "a line in a file that is partly Latin-1, beside plain lines",
    edits: {},
    moves: [["src/latin1.txt", "src/latin2.txt"]],
  },
  { name: "a line of 20,000 characters", edits: { "src/wide.ts": `const x = "${"y".repeat(20_000)}";\n` } },
  { name: "a large new file", edits: { "src/big.ts": big } },
  { name: "a new file", edits: { "src/new.ts": "export {};\n" } },
  { name: "a new file without line break at the end", edits: { "src/new.ts": "export {}" } },
  { name: "a new empty file", edits: { "src/none.txt": "" } },
  { name: "a new file deep in new folders", edits: { "src/deep/er/and/deeper/x.ts": "x\n" } },
  {
    name: "ten new files",
    edits: Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`src/n${n}.ts`, `${n}\n`])),
  },
  { name: "a name with a blank", edits: edit("src/with blank.ts", "blank", "BLANK") },
  { name: "a new name with blanks", edits: { "src/a b c.ts": "x\n" } },
  { name: "an apostrophe, brackets and a comma in a name", edits: { "src/it's [id], (x) & {y}.ts": "x\n" } },
  {
    name: "names in many scripts",
    edits: { "src/日本.ts": "x\n", "src/Ελλάδα.ts": "x\n", "src/кот.ts": "x\n", "src/حب.ts": "x\n" },
  },
  { name: "an accented name edited", edits: edit("src/žluť.ts", "kůň", "osel") },
  { name: "a name with an emoji", edits: { "src/🦔.ts": "x\n" } },
  { name: "names written plainly", edits: { "src/日本.ts": "x\n", "src/žluť.ts": null }, options: ["raw names"] },
  { name: "a file removed", edits: { "src/a.ts": null } },
  { name: "a file without line break at the end removed", edits: { "src/noeol.txt": null } },
  { name: "an empty file removed", edits: { "src/empty.txt": null } },
  { name: "an executable removed", edits: { "src/bin/run.sh": null } },
  { name: "several files removed", edits: { "src/a.ts": null, "src/lib/x.ts": null, "src/crlf.txt": null } },
  { name: "a rename", edits: {}, moves: [["src/a.ts", "src/b.ts"]] },
  { name: "a rename into another folder", edits: {}, moves: [["src/lib/x.ts", "src/other/deep/x.ts"]] },
  {
    name: "a rename with a change",
    edits: edit("src/moved.ts", "line 30\n", "line thirty\n"),
    moves: [["src/long.ts", "src/moved.ts"]],
  },
  { name: "a rename to a name that is quoted", edits: {}, moves: [["src/a.ts", "src/ř.ts"]] },
  { name: "a rename of a name that is quoted", edits: {}, moves: [["src/žluť.ts", "src/plain.ts"]] },
  { name: "a rename of an image", edits: {}, moves: [["src/img/logo.png", "src/img/mark.png"]] },
  { name: "a rename of an executable", edits: {}, moves: [["src/bin/run.sh", "src/bin/start.sh"]] },
  {
    name: "a rename as removal and addition",
    edits: {},
    moves: [["src/long.ts", "src/moved.ts"]],
    options: ["--no-renames"],
  },
  {
    name: "a chain of renames",
    edits: {},
    moves: [
      ["src/lib/x.ts", "src/lib/y.ts"],
      ["src/a.ts", "src/c.ts"],
    ],
  },
  { name: "a script becomes executable", edits: {}, modes: { "src/bin/plain.sh": 0o755 } },
  {
    name: "a script becomes executable and changes",
    edits: edit("src/bin/plain.sh", "true", "false"),
    modes: { "src/bin/plain.sh": 0o755 },
  },
  { name: "a script is executable no more", edits: {}, modes: { "src/bin/run.sh": 0o644 } },
  { name: "an executable edited", edits: edit("src/bin/run.sh", "sh", "bash"), modes: { "src/bin/run.sh": 0o755 } },
  { name: "a new executable", edits: { "src/bin/new.sh": "#!/bin/sh\n" }, modes: { "src/bin/new.sh": 0o755 } },
  {
    name: "a rename that becomes executable",
    edits: {},
    moves: [["src/bin/plain.sh", "src/bin/go.sh"]],
    modes: { "src/bin/go.sh": 0o755 },
  },
  { name: "a new image", edits: { "src/img/new.png": png(3_000) } },
  { name: "a new image deep in allowed paths", edits: { "docs/pages/shots/one.png": png(500, 3) } },
  { name: "an image changed", edits: { "src/img/logo.png": png(200, 7) } },
  {
    name: "an image changed a little, as a delta",
    edits: { "src/img/logo.png": Buffer.concat([Buffer.from(BASE["src/img/logo.png"]?.content ?? ""), png(40, 5)]) },
  },
  { name: "an image removed", edits: { "src/img/logo.png": null } },
  { name: "an image becomes text", edits: { "src/img/logo.png": "text\n" } },
  { name: "a large image", edits: { "src/img/large.png": png(120_000, 11) } },
  {
    name: "content with NUL far behind the start",
    edits: { "src/img/late.bin": Buffer.concat([Buffer.from("x\n".repeat(3_000)), Buffer.from([0, 1])]) },
  },
  { name: "a document that the target allows", edits: edit("README.md", "read", "READ") },
  { name: "a manifest that the target lets through with a review", edits: { "package.json": '{"private":true}\n' } },
  {
    name: "everything at once",
    edits: {
      ...edit("src/long.ts", "line 9\n", "line nine\n"),
      "src/empty.txt": null,
      "src/img/n.png": png(99),
      "src/new.ts": "n",
    },
    moves: [["src/a.ts", "src/z.ts"]],
    modes: { "src/bin/plain.sh": 0o755 },
  },
];

async function change(root: string, { edits, moves = [], modes = {} }: Honest): Promise<void> {
  for (const [from, to] of moves) {
    await mkdir(dirname(join(root, to)), { recursive: true });
    await writeFile(join(root, to), await readFile(join(root, from)), {
      mode: from.endsWith(".sh") && from.includes("run") ? 0o755 : 0o644,
    });
    await rm(join(root, from));
  }
  for (const [path, to] of Object.entries(edits)) {
    const at = join(root, path);
    if (to === null) {
      await rm(at);
      continue;
    }
    await mkdir(dirname(at), { recursive: true });
    await writeFile(at, typeof to === "function" ? to(await readFile(at, "utf8")) : to);
  }
  for (const [path, mode] of Object.entries(modes)) await chmod(join(root, path), mode);
}

/** The change as real git writes it, as diff and as bundle, and the tree that real git makes of it. */
async function made(honest: Honest) {
  const { repository, sha } = place;
  const { git, root } = repository;
  await runGit({ args: ["reset", "--quiet", "--hard", sha], cwd: root });
  await change(root, honest);
  await runGit({ args: ["add", "--all", "--", "."], cwd: root });
  await git("commit", "--quiet", "-m", honest.name);
  const tree = await git("rev-parse", "HEAD^{tree}");
  const raw = honest.options?.includes("raw names") === true;
  const options = (honest.options ?? []).filter((option) => option !== "raw names");
  const args = ["-c", `core.quotePath=${raw ? "false" : "true"}`, "diff", "--binary", "-M", ...options, sha, "HEAD"];
  const diff = (await runGit({ args, cwd: root })).stdout;
  const file = join(root, ".git", "x.bundle");
  await runGit({ args: ["bundle", "create", "--quiet", file, `${sha}..HEAD`], cwd: root });
  return { tree, diff, bundle: await readFile(file) };
}

test.each(HONEST)("$name: passes as diff and as bundle, and gives the tree that git gives", async (honest) => {
  const { tree, diff, bundle } = await made(honest);
  for (const [kind, bytes] of [
    ["diff", diff],
    ["bundle", bundle],
  ] as const) {
    const result = await passWall(place.git, { kind, bytes, baseSha: place.sha }, RULES);
    expect({ kind, details: result.details, ok: result.ok, tree: result.ok && result.tree }).toMatchObject({
      ok: true,
      tree,
    });
  }
});

test("the corpus is as large as it is said to be", () => {
  expect(new Set(HONEST.map(({ name }) => name)).size).toBeGreaterThanOrEqual(60);
});

test("a class that asks for a review is named, an allowed one is not", async () => {
  const { diff } = await made({
    name: "x",
    edits: { "package.json": "[]\n", "README.md": "r\n", ".github/workflows/ci.yml": "on: x\n" },
  });
  const result = await passWall(place.git, { kind: "diff", bytes: diff, baseSha: place.sha }, RULES);
  expect(result.ok && [...result.reviews].sort()).toEqual(["ci", "manifests"]);
});
