import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { type FileChange, wholeFilePatch } from "../../src/loop/file-patch.ts";
import { parsePatch } from "../../src/protect/patch.ts";
import { temporaryFolder } from "../support/git-repository.ts";

const content = fc.option(fc.string({ unit: fc.constantFrom("a", "b\n", "\n", "\r\n", "-", "+", "\\", "@@ ") }), {
  nil: undefined,
});

test("property: git makes exactly the new files of it, whatever the old ones are", async () => {
  await using folder = await temporaryFolder();
  const git = (args: readonly string[], input?: string): void =>
    void execFileSync("git", args, {
      cwd: folder.path,
      ...(input === undefined ? {} : { input }),
      stdio: ["pipe", "pipe", "pipe"],
    });
  git(["init", "-q"]);
  let nth = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ before: content, after: content }), { minLength: 1, maxLength: 4 }),
      async (drafts) => {
        nth += 1;
        const changes: FileChange[] = drafts.map((draft, i) => ({ ...draft, path: `${nth}/file-${i}.txt` }));
        await mkdir(join(folder.path, String(nth)));
        for (const { path, before } of changes)
          if (before !== undefined) await writeFile(join(folder.path, path), before);
        const patch = wholeFilePatch(changes);
        expect(patch === "").toBe(changes.every(({ before, after }) => before === after));
        if (patch !== "") git(["apply", "--whitespace=nowarn", "-"], patch);
        for (const { path, after } of changes) {
          const now = await readFile(join(folder.path, path), "utf8").catch(() => undefined);
          expect(now).toBe(after);
        }
      },
    ),
    { numRuns: 25 },
  );
});

test("the product's own reader takes it", () => {
  const patch = wholeFilePatch([
    { path: "rules/a.yaml", before: undefined, after: "a: 1\n" },
    { path: "CLAUDE.md", before: "old", after: "new\nend" },
    { path: "same.md", before: "x", after: "x" },
  ]);
  const parsed = parsePatch(patch);
  expect(parsed).toMatchObject({ ok: true, patch: { files: [{ status: "added" }, { status: "modified" }] } });
});
