import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { openScratch } from "../../src/github/scratch.ts";
import { openWallGit } from "../../src/github/wall-git.ts";
import { passWall } from "../../src/protect/wall/wall.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";

const EDIT = `diff --git a/src/a.txt b/src/a.txt
--- a/src/a.txt
+++ b/src/a.txt
@@ -1,2 +1,3 @@
 one${"  "}
-two
+TWO${"  "}
+\tthree\r
`;
const RULES = { source: ["src/**"] };

describe("the wall's git", () => {
  test("goes by nothing that the repository configures: no hook, filter, attribute, replaced object or white-space rule", async () => {
    await using repository = await temporaryRepository();
    const { git, root } = repository;
    const sha = await repository.commit({ "src/a.txt": "one  \ntwo\n" });
    await using plain = await openWallGit(root);
    const expected = await passWall(plain, { kind: "diff", bytes: EDIT, baseSha: sha }, RULES);
    expect(expected).toMatchObject({ ok: true });

    const ran = join(root, "ran");
    await writeFile(
      join(root, ".git/info/attributes"),
      "* text eol=crlf filter=evil whitespace=trailing-space diff=evil\n",
    );
    for (const [key, value] of [
      ["filter.evil.clean", `touch ${ran}; tr a-z A-Z`],
      ["filter.evil.smudge", `touch ${ran}; cat`],
      ["diff.evil.textconv", `touch ${ran}; cat`],
      ["diff.external", `touch ${ran}`],
      ["apply.whitespace", "fix"],
      ["apply.ignoreWhitespace", "change"],
      ["core.autocrlf", "true"],
      ["core.fsmonitor", `touch ${ran}`],
      ["core.hooksPath", root],
      ["core.protectNTFS", "false"],
    ] as const) {
      await git("config", key, value);
    }
    await writeFile(join(root, "post-index-change"), `#!/bin/sh\ntouch ${ran}\n`, { mode: 0o755 });
    await writeFile(join(root, "reference-transaction"), `#!/bin/sh\ntouch ${ran}\n`, { mode: 0o755 });
    const other = await repository.git("commit-tree", "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "-m", "other");
    await git("update-ref", `refs/replace/${sha}`, other);
    expect(await git("ls-tree", sha)).toBe("");

    await using hostile = await openWallGit(root);
    expect(await passWall(hostile, { kind: "diff", bytes: EDIT, baseSha: sha }, RULES)).toEqual(expected);
    expect(existsSync(ran)).toBe(false);
  });

  test("reads a base of a clone that is one commit deep", async () => {
    await using repository = await temporaryRepository();
    await repository.commit({ "src/a.txt": "zero\n" });
    const sha = await repository.commit({ "src/a.txt": "one  \ntwo\n" });
    await using folder = await temporaryFolder();
    const clone = join(folder.path, "clone");
    await repository.git("clone", "--quiet", "--depth=1", `file://${repository.root}`, clone);
    await using git = await openWallGit(clone);
    expect(await passWall(git, { kind: "diff", bytes: EDIT, baseSha: sha }, RULES)).toMatchObject({ ok: true });
  });

  test("works in a repository of SHA-256", async () => {
    await using folder = await temporaryFolder();
    await using repository = await temporaryRepository();
    const root = join(folder.path, "r");
    await repository.git("init", "--quiet", "--object-format=sha256", root);
    await writeFile(join(root, "a.txt"), "one  \ntwo\n");
    await repository.git("-C", root, "add", "--all");
    await repository.git("-C", root, "commit", "--quiet", "-m", "x");
    const sha = await repository.git("-C", root, "rev-parse", "HEAD");
    await using git = await openWallGit(root);
    const patch = EDIT.replaceAll("src/", "");
    const result = await passWall(
      git,
      { kind: "diff", bytes: patch, baseSha: sha },
      { source: ["**/a.*", "a.txt"], protected: { documents: "allowed" } },
    );
    expect(result).toMatchObject({ ok: true, tree: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  test("is gone at the end, whatever happened in it; a folder that is no repository is an error", async () => {
    await using repository = await temporaryRepository();
    const sha = await repository.commit({ "src/a.txt": "one  \ntwo\n" });
    let path = "";
    const failing = async (): Promise<void> => {
      await using scratch = await openScratch(repository.root);
      path = scratch.path;
      await scratch.run(["rev-parse", sha]);
      await scratch.run(["no-such-command"]);
    };
    await expect(failing()).rejects.toMatchObject({ code: "git_failed" });
    expect(existsSync(path)).toBe(false);
    await using folder = await temporaryFolder();
    await expect(openWallGit(join(folder.path, "none"))).rejects.toMatchObject({ code: "not_a_repository" });
    await expect(openWallGit(folder.path)).rejects.toMatchObject({ code: "git_failed" });
  });

  test("a patch on which git itself fails an assertion is refused by git, not an error", async () => {
    await using repository = await temporaryRepository();
    const sha = await repository.commit({ "src/a.txt": "one  \ntwo\n" });
    await using git = await openWallGit(repository.root);
    const odd =
      "diff --git a/src/a.txt b/src/b.txt\nnew file mode 100644\nrename from src/a.txt\nrename to src/b.txt\n";
    expect(await git.apply(sha, Buffer.from(odd))).toMatchObject({ ok: false });
    // Neither what it was ended over nor what it had done keeps the next patch from being tried on the base.
    const first = await git.apply(sha, Buffer.from(EDIT));
    expect(first).toMatchObject({ ok: true });
    expect(await git.apply(sha, Buffer.from(odd))).toMatchObject({ ok: false });
    expect(await git.apply(sha, Buffer.from(EDIT))).toEqual(first);
  });

  test("patches of several bases in turns: each is applied to its own", async () => {
    await using repository = await temporaryRepository();
    const one = await repository.commit({ "src/a.txt": "one  \ntwo\n" });
    const two = await repository.commit({ "src/a.txt": "one  \ntwo\n", "src/b.txt": "b\n" });
    await using git = await openWallGit(repository.root);
    const trees: string[] = [];
    for (const base of [one, two, one.slice(0, 12), one, two.slice(0, 12), two]) {
      const applied = await git.apply(base, Buffer.from(EDIT));
      trees.push(applied.ok ? applied.tree : applied.detail);
    }
    const [first, second] = trees;
    expect(first).not.toBe(second);
    expect(trees).toEqual([first, second, first, first, second, second]);
  });
});
