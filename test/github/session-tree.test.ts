import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { patchOfFiles, watchRepository } from "../../src/github/session-tree.ts";
import { openWallGit } from "../../src/github/wall-git.ts";
import { addWorktree } from "../../src/github/worktree.ts";
import { passWall } from "../../src/protect/wall/wall.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";

/** A repository with files, and a worktree of its commit. */
async function withWorktree(files: Readonly<Record<string, string>>) {
  const owned = new AsyncDisposableStack();
  const repository = owned.use(await temporaryRepository());
  const folder = owned.use(await temporaryFolder());
  const baseSha = await repository.commit(files);
  const worktree = join(folder.path, "worktree");
  await addWorktree({ root: repository.root, path: worktree, sha: baseSha });
  return { repository, worktree, baseSha, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const FILES = { "src/a.ts": "one\ntwo\nthree\n", "src/b.ts": "b\n", "src/deep/c.ts": "c", "README.md": "# x\n" };

describe("the patch of changed files", () => {
  const text = fc.array(fc.constantFrom("one", "two", "-", "+", "", "ž", "diff --git a/x b/x", "\r"), { maxLength: 6 });
  const content = fc.tuple(text, fc.boolean()).map(([lines, ends]) => lines.join("\n") + (ends ? "\n" : ""));
  const path = fc.constantFrom("src/a.ts", "src/b.ts", "src/deep/c.ts", "src/new.ts", "src/more/new.ts");
  const edits = fc.dictionary(path, fc.option(content), { minKeys: 1 });

  test("passes the wall and leads exactly to the files, whatever was written", async () => {
    await using made = await withWorktree(FILES);
    const { repository, worktree, baseSha } = made;
    await using wall = await openWallGit(repository.root);
    const status = await repository.git("status", "--porcelain");
    await fc.assert(
      fc.asyncProperty(edits, async (done) => {
        await rm(join(worktree, "src"), { recursive: true });
        const all = Object.entries<string | null>({ ...FILES, ...done });
        const now = new Map(all.flatMap(([name, text]) => (text === null ? [] : [[name, text] as const])));
        for (const [name, text] of now) {
          await mkdir(dirname(join(worktree, name)), { recursive: true });
          await writeFile(join(worktree, name), text);
        }
        const known = new Map<string, string>(Object.entries(FILES));
        const paths = [...new Set([...now.keys(), ...known.keys()])].filter(
          (name) => now.get(name) !== known.get(name),
        );
        const patch = await patchOfFiles({ worktree, baseSha, paths });
        if (paths.length === 0) return expect(patch).toBe("");
        const passed = await passWall(wall, { kind: "diff", bytes: patch, baseSha }, { source: ["src/**"] });
        expect(passed).toMatchObject({ ok: true });
        expect(passed.evidence?.tree.map((one) => one.path)).toEqual([...paths].sort());
      }),
      { numRuns: 12 },
    );
    expect(await repository.git("status", "--porcelain")).toBe(status);
    expect(await repository.git("count-objects")).toMatch(/^8 objects/);
  }, 240_000);

  test("looks at no other path, and at nothing without one", async () => {
    await using made = await withWorktree(FILES);
    await writeFile(join(made.worktree, "README.md"), "evil\n");
    await writeFile(join(made.worktree, "src/b.ts"), "better\n");
    const patch = await patchOfFiles({ ...made, paths: ["src/b.ts"] });
    expect(patch).toContain("+better");
    expect(patch).not.toContain("README");
    expect(await patchOfFiles({ ...made, paths: [] })).toBe("");
  });

  test("holds what git would ignore, and takes names as names", async () => {
    const odd = "src/*[a]?.ts";
    await using made = await withWorktree({ ...FILES, ".gitignore": "*.log\n" });
    await writeFile(join(made.worktree, "src/x.log"), "kept\n");
    await writeFile(join(made.worktree, odd), "odd\n");
    const patch = await patchOfFiles({ ...made, paths: ["src/x.log", odd] });
    expect(patch).toContain("+++ b/src/x.log");
    expect(patch).toContain(`+++ b/${odd}`);
    expect(patch).not.toContain("src/a.ts");
  });

  test("runs no filter, no external diff and no attribute of the repository", async () => {
    await using outside = await temporaryFolder();
    const marker = join(outside.path, "ran");
    await using made = await withWorktree({ ...FILES, ".gitattributes": "* filter=evil diff=evil\n" });
    for (const key of ["filter.evil.clean", "diff.evil.command", "diff.external", "diff.evil.textconv"]) {
      await made.repository.git("config", key, `touch ${marker}; cat`);
    }
    await writeFile(join(made.worktree, "src/b.ts"), "better\n");
    expect(await patchOfFiles({ ...made, paths: ["src/b.ts"] })).toContain("-b\n+better\n");
    await expect(readFile(marker)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("refuses what lies behind a link, what nobody has, and what is no text", async () => {
    await using made = await withWorktree(FILES);
    await symlink("/etc", join(made.worktree, "src/etc"));
    await writeFile(join(made.worktree, "src/b.ts"), Buffer.from([0x66, 0xff, 0x0a]));
    for (const path of ["src/etc/passwd", "src/nobody.ts", "src/b.ts"]) {
      await expect(patchOfFiles({ ...made, paths: [path] })).rejects.toMatchObject({ code: "git_failed" });
    }
  });
});

describe("what steers git around a worktree", () => {
  test("a worktree's `.git` may lie afterwards; what was found before counts", async () => {
    await using made = await withWorktree(FILES);
    await using other = await withWorktree(FILES);
    const watch = await watchRepository(made.worktree);
    expect(await watch.changed()).toEqual([]);
    await writeFile(join(made.worktree, ".git"), await readFile(join(other.worktree, ".git")));
    await made.repository.git("branch", "evil");
    expect(await watch.changed()).toEqual([".git", "refs/heads/evil"]);
  });

  test("a hook that becomes a link, a folder in its place, a removed one", async () => {
    await using made = await withWorktree(FILES);
    const hooks = join(made.repository.root, ".git/hooks");
    for (const name of ["one", "two", "three"]) await writeFile(join(hooks, name), "x");
    const watch = await watchRepository(made.worktree);
    for (const name of ["one", "two", "three"]) await rm(join(hooks, name));
    await symlink("/bin/true", join(hooks, "one"));
    await mkdir(join(hooks, "two"));
    expect(await watch.changed()).toEqual(["hooks/one", "hooks/three", "hooks/two"]);
  });

  test("works for a plain checkout too, and fails for what is none", async () => {
    await using repository = await temporaryRepository();
    await repository.commit(FILES);
    const watch = await watchRepository(repository.root);
    await repository.git("config", "core.editor", "evil");
    expect(await watch.changed()).toEqual(["config"]);
    await using folder = await temporaryFolder();
    await expect(watchRepository(folder.path)).rejects.toMatchObject({ code: expect.stringMatching(/git/) as unknown });
  });
});
