import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { mkdir } from "node:fs/promises";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { runGit } from "../../src/github/git.ts";
import { parsePatch, pathsOf } from "../../src/protect/patch.ts";
import { applyToTexts } from "../../src/protect/patch-apply.ts";
import { linesOf } from "../../src/protect/patch-file.ts";
import type { Patch } from "../../src/protect/patch-form.ts";
import { temporaryRepository, type TestRepository } from "../support/git-repository.ts";

type Files = Record<string, string>;

const part = fc.constantFrom(
  "a",
  "b c",
  "žluť",
  "日本",
  'q"uote',
  "tab\there",
  "it's",
  " b",
  "x b",
  "back\\slash",
  "-dash",
  "é",
);
const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => `src/${parts.join("/")}`);
const line = fc.constantFrom(
  "one",
  "two",
  "",
  "  ",
  "+x",
  "-y",
  "--- a/f",
  "@@ -1 +1 @@",
  "\\ No newline",
  "ü",
  "cr\r",
  "diff --git a/x b/x",
);
const content = fc
  .tuple(fc.array(line, { maxLength: 25 }), fc.boolean(), fc.constantFrom("\n", "\r\n"))
  .map(([lines, eol, end]) => lines.join(end) + (eol && lines.length > 0 ? end : ""));
const tree = fc.dictionary(path, content, { maxKeys: 6 }).filter((files) => noFolderIsAFile(Object.keys(files)));

/** The second tree is made from the first: files kept, edited, renamed and removed, and some new ones. */
const pair = fc
  .tuple(tree, tree, fc.array(fc.nat(4), { minLength: 6, maxLength: 6 }))
  .map(([before, extra, choices]) => {
    const after: Files = {};
    for (const [index, [name, text]] of Object.entries(before).entries()) {
      const choice = choices[index];
      if (choice === 0) after[name] = text;
      if (choice === 1) after[name] = `${text}appended\n`;
      if (choice === 2) after[`src/moved ${index}`] = text;
      if (choice === 3) after[name] = `first\n${text}`;
    }
    const names = Object.keys(after);
    for (const [name, text] of Object.entries(extra)) {
      if (!noFolderIsAFile([...names, name])) continue;
      names.push(name);
      after[name] = text;
    }
    return { before, after };
  });

function noFolderIsAFile(names: readonly string[]): boolean {
  return !names.some((name) => names.some((other) => other.startsWith(`${name}/`)));
}

async function store(repository: TestRepository, files: Files): Promise<void> {
  await rm(join(repository.root, "src"), { recursive: true, force: true });
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(repository.root, name)), { recursive: true });
    await writeFile(join(repository.root, name), text);
  }
  await repository.git("add", "--all");
}

/** What git says of a patch: per file added and removed lines, and its names. */
async function numstat(repository: TestRepository, input: string): Promise<string[]> {
  const { stdout } = await runGit({ args: ["apply", "--numstat", "-z", "-"], cwd: repository.root, input });
  return stdout
    .toString("utf8")
    .split("\0")
    .filter((record) => record !== "")
    .sort();
}

function ownNumstat(patch: Patch): string[] {
  return patch.files
    .map((file) => {
      const kinds = linesOf(file).map(({ kind }) => kind);
      const count = (wanted: string) => kinds.filter((kind) => kind === wanted).length;
      return `${count("add")}\t${count("remove")}\t${file.newPath ?? file.oldPath}`;
    })
    .sort();
}

test.each([
  ["renames, quoted names", ["-M"]],
  ["no renames, raw names, no context", ["--no-renames", "-U0"]],
])("reads what real git writes as git reads it: %s", async (name, options) => {
  await using repository = await temporaryRepository();
  const quote = name.includes("raw") ? "false" : "true";
  await fc.assert(
    fc.asyncProperty(pair, async ({ before, after }) => {
      await store(repository, before);
      const base = await repository.git("write-tree");
      await store(repository, after);
      const args = ["-c", `core.quotePath=${quote}`, "diff", "--no-color", "--cached", "--text", ...options, base];
      const text = (await runGit({ args, cwd: repository.root })).stdout.toString("utf8");
      const parsed = parsePatch(text);
      if (text === "") return expect(parsed).toMatchObject({ ok: false, reason: "patch_empty" });
      if (!parsed.ok) throw new Error(`${parsed.detail}\n${text}`);
      expect(ownNumstat(parsed.patch)).toEqual(await numstat(repository, text));
      const named = await repository.git("diff", "--cached", "--name-only", "--no-renames", "-z", base);
      const paths = parsed.patch.files.flatMap(pathsOf);
      expect(paths.toSorted()).toEqual(
        named
          .split("\0")
          .filter((one) => one !== "")
          .sort(),
      );
      expect(applyToTexts(before, parsed.patch)).toEqual({ ok: true, files: after });
      expect(parsed.patch.bytes).toBe(Buffer.byteLength(text));
    }),
    { numRuns: 40 },
  );
});

test("reads mode changes, empty files, links and binary files of real git", async () => {
  await using repository = await temporaryRepository();
  await repository.commit({ "run.sh": "x\n", "gone.bin": new Uint8Array([0, 1, 2]), empty: "" });
  await runGit({ args: ["update-index", "--chmod=+x", "run.sh"], cwd: repository.root });
  const { stdout } = await runGit({
    args: ["hash-object", "-w", "--stdin"],
    cwd: repository.root,
    input: "/etc/passwd",
  });
  const blob = stdout.toString().trim();
  await repository.git("update-index", "--add", "--cacheinfo", `120000,${blob},link`);
  await repository.git("rm", "--quiet", "--cached", "gone.bin", "empty");
  for (const options of [[], ["--binary"]]) {
    const args = ["diff", "--cached", ...options, "HEAD"];
    const text = (await runGit({ args, cwd: repository.root })).stdout.toString("utf8");
    expect(parsePatch(text)).toMatchObject({
      ok: true,
      patch: {
        files: [
          { status: "deleted", oldPath: "empty", oldMode: "100644", binary: false, hunks: [] },
          { status: "deleted", oldPath: "gone.bin", binary: true },
          { status: "added", newPath: "link", newMode: "120000" },
          { status: "modified", oldPath: "run.sh", newPath: "run.sh", oldMode: "100644", newMode: "100755" },
        ],
      },
    });
  }
});

test("whatever is changed in a patch: if we read it, git reads the same files in it", async () => {
  await using repository = await temporaryRepository();
  await store(repository, { "src/a": "1\n2\n3\n", "src/b c": "x\n", "src/old": "same\nlines\n" });
  const base = await repository.git("write-tree");
  await store(repository, { "src/a": "1\nz\n3\n", "src/b c": "x", "src/new": "same\nlines\n", "src/n": "n\n" });
  const original = `${await repository.git("diff", "--cached", "-M", base)}\n`;
  const lines = original.split("\n").slice(0, -1);
  const extra = fc.constantFrom(
    ...lines,
    "",
    "junk",
    "--- a/src/evil",
    "+++ b/src/evil",
    "copy from src/a",
    "rename to src/x",
  );
  const edit = fc.record({ at: fc.nat(lines.length), remove: fc.nat(2), insert: fc.array(extra, { maxLength: 2 }) });
  let read = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { maxLength: 2 }), async (edits) => {
      const changed = edits.reduce((now, { at, remove, insert }) => now.toSpliced(at, remove, ...insert), lines);
      const text = changed.map((one) => `${one}\n`).join("");
      const parsed = parsePatch(text);
      if (!parsed.ok) return;
      read += 1;
      expect(ownNumstat(parsed.patch)).toEqual(await numstat(repository, text));
    }),
    { numRuns: 600 },
  );
  expect(read).toBeGreaterThan(20);
});
