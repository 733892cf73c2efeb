import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { runGit } from "../../src/github/git.ts";
import { addWorktree, applyPatch, changedPaths, removeWorktree } from "../../src/github/worktree.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";

async function place(files: Record<string, string> = { "src/a.txt": "1\n2\n3\n", "src/b.txt": "b\n" }) {
  const repository = await temporaryRepository();
  const outside = await temporaryFolder();
  const sha = await repository.commit(files);
  const path = join(outside.path, "tree");
  const all = new AsyncDisposableStack();
  all.use(repository);
  all.use(outside);
  const open = () => addWorktree({ root: repository.root, sha, path });
  return { repository, sha, path, open, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

const known = async (repository: { git: (...args: string[]) => Promise<string> }) =>
  (await repository.git("worktree", "list", "--porcelain")).match(/^worktree /gm)?.length;

const EDIT =
  "diff --git a/src/a.txt b/src/a.txt\n--- a/src/a.txt\n+++ b/src/a.txt\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n";
const RENAME =
  "diff --git a/src/b.txt b/src/c.txt\nsimilarity index 100%\nrename from src/b.txt\nrename to src/c.txt\n";
const ADD =
  "diff --git a/src/n.txt b/src/n.txt\nnew file mode 100644\n--- /dev/null\n+++ b/src/n.txt\n@@ -0,0 +1 @@\n+n\n";

describe("addWorktree", () => {
  test("checks the commit out, detached, without touching the user's files, and goes with its scope", async () => {
    await using at = await place();
    await at.repository.write({ "src/a.txt": "edited\n" });
    {
      await using tree = await at.open();
      expect(tree.path).toBe(at.path);
      expect(await readFile(join(at.path, "src/a.txt"), "utf8")).toBe("1\n2\n3\n");
      expect((await runGit({ args: ["symbolic-ref", "-q", "HEAD"], cwd: at.path, okCodes: [1] })).code).toBe(1);
      expect(await known(at.repository)).toBe(2);
    }
    expect(existsSync(at.path)).toBe(false);
    expect(await known(at.repository)).toBe(1);
    expect(await readFile(join(at.repository.root, "src/a.txt"), "utf8")).toBe("edited\n");
    expect(await at.repository.git("branch", "--list")).toBe("* main");
  });

  test.each([
    [
      "files were changed, added and locked",
      async (path: string) => {
        await writeFile(join(path, "src/a.txt"), "changed");
        await mkdir(join(path, "new/deep"), { recursive: true });
        await writeFile(join(path, "new/deep/file"), "x");
        await chmod(join(path, "new/deep/file"), 0o400);
      },
    ],
    ["the worktree's own link to git was broken", (path: string) => writeFile(join(path, ".git"), "gitdir: /nowhere")],
    ["the folder is gone", (path: string) => rm(path, { recursive: true })],
    [
      "the worktree is locked",
      async (path: string) => {
        await runGit({ args: ["worktree", "lock", path], cwd: path });
      },
    ],
    [
      "a repository was made inside",
      async (path: string) => {
        await runGit({ args: ["init", "--quiet", join(path, "nested")], cwd: path });
      },
    ],
  ])("dispose removes it although %s", async (_name, damage) => {
    await using at = await place();
    const tree = await at.open();
    await damage(at.path);
    await tree[Symbol.asyncDispose]();
    expect(existsSync(at.path)).toBe(false);
    expect(await known(at.repository)).toBe(1);
    await tree[Symbol.asyncDispose]();
    await using again = await at.open();
    expect(existsSync(again.path)).toBe(true);
  });

  test("a kill -9 in the middle of making it leaves nothing that removeWorktree does not remove", async () => {
    await using at = await place();
    // What git leaves when it is killed right after registering: a locked entry and an empty folder.
    await (await at.open())[Symbol.asyncDispose]();
    const admin = join(at.repository.root, ".git/worktrees/tree");
    await mkdir(admin, { recursive: true });
    await mkdir(at.path);
    await writeFile(join(admin, "gitdir"), `${at.path}/.git\n`);
    await writeFile(join(admin, "locked"), "initializing");
    await removeWorktree({ root: at.repository.root, path: at.path });
    expect(existsSync(at.path)).toBe(false);
    expect(existsSync(admin)).toBe(false);
  });

  test("never removes a worktree of another path", async () => {
    await using at = await place();
    await using tree = await at.open();
    await removeWorktree({ root: at.repository.root, path: join(at.repository.root, "tree") });
    expect(existsSync(tree.path)).toBe(true);
    expect(await known(at.repository)).toBe(2);
  });

  test("an unknown commit and a folder that is in use are errors; the folder stays", async () => {
    await using at = await place();
    const unknown = addWorktree({ root: at.repository.root, sha: "f".repeat(40), path: at.path });
    await expect(unknown).rejects.toMatchObject({ code: "git_failed" });
    expect(existsSync(at.path)).toBe(false);
    await mkdir(at.path);
    await writeFile(join(at.path, "mine"), "x");
    await expect(at.open()).rejects.toMatchObject({ code: "git_failed" });
    expect(await readFile(join(at.path, "mine"), "utf8")).toBe("x");
    expect(await known(at.repository)).toBe(1);
  });
});

describe("applyPatch and changedPaths", () => {
  test("apply edits, renames and additions; both names of a rename are changed paths", async () => {
    await using at = await place();
    await using tree = await at.open();
    expect(await changedPaths(tree.path)).toEqual([]);
    expect(await applyPatch({ worktree: tree.path, patch: EDIT + RENAME + ADD })).toMatchObject({ ok: true });
    expect(await changedPaths(tree.path)).toEqual(["src/a.txt", "src/b.txt", "src/c.txt", "src/n.txt"]);
    expect(await readFile(join(tree.path, "src/a.txt"), "utf8")).toBe("1\ntwo\n3\n");
  });

  test("changed paths include what somebody else wrote, but nothing that git ignores", async () => {
    await using at = await place({ "a.txt": "1\n", ".gitignore": "out/\n" });
    await using tree = await at.open();
    await mkdir(join(tree.path, "out"));
    await writeFile(join(tree.path, "out/x"), "x");
    await writeFile(join(tree.path, "žluť new"), "x");
    await writeFile(join(tree.path, "a.txt"), "2\n");
    expect(await changedPaths(tree.path)).toEqual(["a.txt", "žluť new"]);
  });

  test.each([
    ["does not fit", EDIT.replace("-2", "-zwei"), "patch failed: src/a.txt:1"],
    ["names a missing file", EDIT.replaceAll("a.txt", "zzz.txt"), "does not exist"],
    ["is no patch", "hello\n", "No valid patches"],
    ["is empty", "", "No valid patches"],
    ["is cut off", EDIT.slice(0, -4), "corrupt patch"],
    ["leaves the worktree", ADD.replaceAll("src/n.txt", "../n.txt"), "invalid path"],
    ["writes into .git", ADD.replaceAll("src/n.txt", ".git/hooks/x"), "invalid path"],
    ["fits only in part", EDIT + EDIT.replaceAll("a.txt", "b.txt"), "src/b.txt"],
  ])("a patch that %s changes nothing and says why", async (_name, patch, why) => {
    await using at = await place();
    await using tree = await at.open();
    const result = await applyPatch({ worktree: tree.path, patch });
    expect(result).toMatchObject({ ok: false, detail: expect.stringContaining(why) });
    expect(await changedPaths(tree.path)).toEqual([]);
  });

  test("a symbolic link is not changed by a patch that keeps silent about its mode", async () => {
    await using at = await place();
    const { stdout } = await runGit({
      args: ["hash-object", "-w", "--stdin"],
      cwd: at.repository.root,
      input: "a.txt",
    });
    await at.repository.git("update-index", "--add", "--cacheinfo", `120000,${stdout.toString().trim()},src/link`);
    await at.repository.git("commit", "--quiet", "-m", "link");
    const sha = await at.repository.git("rev-parse", "HEAD");
    await using tree = await addWorktree({ root: at.repository.root, sha, path: `${at.path}-link` });
    const patch =
      "diff --git a/src/link b/src/link\n--- a/src/link\n+++ b/src/link\n@@ -1 +1 @@\n-a.txt\n\\ No newline at end of file\n+/etc/passwd\n\\ No newline at end of file\n";
    const result = await applyPatch({ worktree: tree.path, patch });
    expect(result).toMatchObject({ ok: false, detail: expect.stringMatching(/src\/link/) });
  });

  test("a folder that is no worktree is an error, not a verdict on the patch", async () => {
    await using folder = await temporaryFolder();
    await expect(applyPatch({ worktree: folder.path, patch: EDIT })).rejects.toMatchObject({ code: "git_failed" });
  });
});
