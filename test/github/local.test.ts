import { execFileSync } from "node:child_process";
import { readFile, rm, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { openLocalForge } from "../../src/github/local.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";
import { forgeContract, type WorktreeSetup, worktreeContract } from "./forge-contract.ts";

const now = () => 1_700_000_000_123_456_789n;
const EDIT = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-1\n+2\n";
const proposal = (baseSha: string) => ({
  branch: "w/p",
  baseSha,
  patch: EDIT,
  title: "T",
  body: "line 1\n\n# heading\n",
});

const setup: WorktreeSetup = async (files) => {
  const repository = await temporaryRepository();
  const clean = async () => {
    const tracked = (await repository.git("ls-files", "-z")).split("\0").filter((path) => path !== "");
    for (const path of tracked) await rm(join(repository.root, path));
  };
  await repository.commit(files);
  return {
    forge: await openLocalForge({ cwd: repository.root, now }),
    commit: async (next) => {
      await clean();
      return await repository.commit(next);
    },
    worktree: {
      edit: (paths) => repository.write(Object.fromEntries(paths.map((path) => [path, "edited\n"]))),
      checkout: async (branch) =>
        void (await repository.git("checkout", "--quiet", ...(branch === undefined ? ["--detach"] : [branch]))),
    },
    [Symbol.asyncDispose]: () => repository[Symbol.asyncDispose](),
  };
};
forgeContract("local", setup);
worktreeContract("local", setup);

describe("openLocalForge", () => {
  test("finds the root from a folder below it", async () => {
    await using repository = await temporaryRepository();
    await repository.commit({ "a/b/c.txt": "x" });
    expect((await openLocalForge({ cwd: join(repository.root, "a/b"), now })).root).toBe(repository.root);
  });

  test("no repository, no folder, no commit and no worktree are not_a_repository with a remedy", async () => {
    await using folder = await temporaryFolder();
    await using empty = await temporaryRepository();
    await using bare = await temporaryRepository();
    await bare.git("config", "core.bare", "true");
    const refused = { code: "not_a_repository", exitCode: 2, remedy: expect.stringMatching(/git/) };
    for (const cwd of [folder.path, join(folder.path, "gone"), empty.root, bare.root]) {
      await expect(openLocalForge({ cwd, now })).rejects.toMatchObject(refused);
    }
    await expect(openLocalForge({ cwd: empty.root, now })).rejects.toThrow("has no commit yet");
  });

  test("index, files, HEAD and stash of the user stay as they are, byte for byte", async () => {
    await using repository = await temporaryRepository();
    const base = await repository.commit({ "a.txt": "1\n", "b.txt": "b\n", "d.txt": "d\n" });
    await repository.write({ "a.txt": "dirty\n", "b.txt": "staged\n", "c.txt": "new\n" });
    await repository.git("add", "b.txt");
    // Only looked at: git would like to note the new time in the index.
    await utimes(join(repository.root, "d.txt"), 1, 1);
    const index = await readFile(join(repository.root, ".git/index"));
    const forge = await openLocalForge({ cwd: repository.root, now });
    await forge.uncommitted(["."]);
    const { sha } = await forge.openProposal(proposal(base));
    await forge.read(sha, "a.txt");
    await forge.closeProposal("w/p", sha);
    expect(await readFile(join(repository.root, ".git/index"))).toEqual(index);
    expect(await repository.git("status", "--porcelain")).toBe(" M a.txt\nM  b.txt\n?? c.txt");
    expect(await repository.git("rev-parse", "HEAD")).toBe(base);
    expect(await repository.git("stash", "list")).toBe("");
    expect(await repository.git("for-each-ref", "--format=%(refname)")).toBe("refs/heads/main");
  });

  test("the commit is the bot's, at the clock's time, on the base, with title and body", async () => {
    await using repository = await temporaryRepository();
    const base = await repository.commit({ "a.txt": "1\n" });
    const forge = await openLocalForge({ cwd: repository.root, now });
    const { sha } = await forge.openProposal(proposal(base));
    expect(await repository.git("log", "-1", "--format=%an|%cn|%at|%ct|%P|%B", sha)).toBe(
      `whetstone[bot]|whetstone[bot]|1700000000|1700000000|${base}|T\n\nline 1\n\n# heading\n`,
    );
    expect(await repository.git("diff", "--stat", base, sha)).toContain(
      "1 file changed, 1 insertion(+), 1 deletion(-)",
    );
  });

  test("a branch that moves while the proposal is written is ref_moved, and the other's commit stays", async () => {
    await using repository = await temporaryRepository();
    const base = await repository.commit({ "a.txt": "1\n" });
    const other = (await (await openLocalForge({ cwd: repository.root, now })).openProposal(proposal(base))).sha;
    for (const before of [undefined, base]) {
      await repository.git("update-ref", "-d", "refs/heads/w/p");
      if (before !== undefined) await repository.git("update-ref", "refs/heads/w/p", before);
      const racing = await openLocalForge({
        cwd: repository.root,
        // The clock is read after the branch and before its move: the other writer comes in between.
        now: () => {
          execFileSync("git", ["update-ref", "refs/heads/w/p", other], { cwd: repository.root });
          return now();
        },
      });
      await expect(racing.openProposal({ ...proposal(base), title: "Slow" })).rejects.toMatchObject({
        code: "ref_moved",
        data: { branch: "w/p", expected: before ?? null },
      });
      expect(await repository.git("rev-parse", "refs/heads/w/p")).toBe(other);
    }
  });

  test("a symbolic link or submodule is never part of a proposal", async () => {
    await using repository = await temporaryRepository();
    await symlink("a.txt", join(repository.root, "link"));
    const base = await repository.commit({ "a.txt": "1\n" });
    const forge = await openLocalForge({ cwd: repository.root, now });
    const patches = [
      "diff --git a/evil b/evil\nnew file mode 120000\n--- /dev/null\n+++ b/evil\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n",
      "diff --git a/link b/link\n--- a/link\n+++ b/link\n@@ -1 +1 @@\n-a.txt\n\\ No newline at end of file\n+/etc/passwd\n\\ No newline at end of file\n",
      `diff --git a/sub b/sub\nnew file mode 160000\nindex 0000000..${base.slice(0, 7)}\n--- /dev/null\n+++ b/sub\n@@ -0,0 +1 @@\n+Subproject commit ${base}\n`,
    ];
    for (const patch of patches) {
      await expect(forge.openProposal({ ...proposal(base), patch })).rejects.toMatchObject({
        code: "git_failed",
        message: expect.stringMatching(/what is no file: (evil|link|sub)/),
      });
    }
    expect(await forge.read(base, "link")).toBeUndefined();
    expect(await forge.proposals("w")).toEqual([]);
  });

  test("a branch name that git refuses is git_failed", async () => {
    await using repository = await temporaryRepository();
    const base = await repository.commit({ "a.txt": "1\n" });
    const forge = await openLocalForge({ cwd: repository.root, now });
    for (const branch of ["a..b", "a b", "../../x", "main/below"]) {
      await expect(forge.openProposal({ ...proposal(base), branch })).rejects.toMatchObject({ code: "git_failed" });
    }
  });

  test("a branch that another worktree has checked out is not touched", async () => {
    await using repository = await temporaryRepository();
    await using folder = await temporaryFolder();
    const base = await repository.commit({ "a.txt": "1\n" });
    await repository.git("worktree", "add", "--quiet", "-b", "w/p", join(folder.path, "tree"));
    const forge = await openLocalForge({ cwd: repository.root, now });
    const refused = { code: "git_failed", data: { branch: "w/p", worktree: join(folder.path, "tree") } };
    await expect(forge.openProposal(proposal(base))).rejects.toMatchObject(refused);
    await expect(forge.closeProposal("w/p", base)).rejects.toMatchObject(refused);
  });
});
