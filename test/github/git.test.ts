import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { gitRecords, gitText, runGit } from "../../src/github/git.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";

/** Runs `work` with changed environment variables, which git.ts reads at each call. */
async function withEnv<T>(variables: Record<string, string>, work: () => Promise<T>): Promise<T> {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  try {
    return await work();
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

describe("runGit", () => {
  test("gives standard output as bytes, takes input, and accepts the codes it is told", async () => {
    await using repository = await temporaryRepository();
    const cwd = repository.root;
    const bytes = new Uint8Array([0, 255, 10]);
    const id = await gitText({ args: ["hash-object", "-w", "--stdin"], cwd, input: bytes });
    const { stdout, code } = await runGit({ args: ["cat-file", "blob", id], cwd });
    expect([...stdout]).toEqual([...bytes]);
    expect(code).toBe(0);
    const missing = { args: ["rev-parse", "--quiet", "--verify", "refs/heads/none"], cwd };
    expect((await runGit({ ...missing, okCodes: [0, 1] })).code).toBe(1);
    await expect(runGit(missing)).rejects.toMatchObject({ code: "git_failed" });
  });

  test("a failure holds arguments, exit code and what git said", async () => {
    await using repository = await temporaryRepository();
    const args = ["cat-file", "blob", "nothing"];
    await expect(runGit({ args, cwd: repository.root })).rejects.toMatchObject({
      code: "git_failed",
      message: expect.stringContaining("git cat-file failed (exit code 128): fatal: Not a valid object name nothing"),
      data: { args, code: 128, stderr: "fatal: Not a valid object name nothing" },
    });
  });

  test("a git that is not installed is said clearly", async () => {
    await using folder = await temporaryFolder();
    const failing = withEnv({ PATH: folder.path }, () => runGit({ args: ["--version"], cwd: folder.path }));
    await expect(failing).rejects.toMatchObject({
      code: "git_failed",
      message: expect.stringContaining("could not be started"),
      remedy: expect.stringContaining("Install git"),
    });
  });

  test("a git that ignores its input and is killed is a failure, not a crash", async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "git"), "#!/bin/sh\nkill -9 $$\n");
    await chmod(join(folder.path, "git"), 0o755);
    const input = "x".repeat(5_000_000);
    const failing = withEnv({ PATH: `${folder.path}:${process.env["PATH"]}` }, () =>
      runGit({ args: ["apply"], cwd: folder.path, input }),
    );
    await expect(failing).rejects.toMatchObject({ code: "git_failed", data: { stderr: "ended by SIGKILL" } });
  });

  test("variables of a hook that started us do not lead to another repository", async () => {
    await using one = await temporaryRepository();
    await using other = await temporaryRepository();
    const variables = { GIT_DIR: join(other.root, ".git"), GIT_WORK_TREE: other.root, GIT_INDEX_FILE: "/nowhere" };
    expect(await withEnv(variables, () => one.git("rev-parse", "--show-toplevel"))).toBe(one.root);
  });

  test("neither hooks nor configured programs run", async () => {
    await using repository = await temporaryRepository();
    await using outside = await temporaryFolder();
    const trace = join(outside.path, "ran");
    const script = join(outside.path, "program");
    await writeFile(script, `#!/bin/sh\necho "$0" >>${trace}\nexit 1\n`);
    await chmod(script, 0o755);
    for (const hook of ["pre-commit", "post-checkout", "reference-transaction", "post-index-change", "post-commit"]) {
      await repository.write({ [`.git/hooks/${hook}`]: await readFile(script, "utf8") });
      await chmod(join(repository.root, ".git/hooks", hook), 0o755);
    }
    for (const key of ["core.hooksPath", "core.fsmonitor", "gpg.program", "core.pager", "core.editor"]) {
      await writeFile(
        join(repository.root, ".git/config"),
        `${await readFile(join(repository.root, ".git/config"), "utf8")}\n[${key.split(".")[0]}]\n${key.split(".")[1]} = ${key === "core.hooksPath" ? join(repository.root, ".git/hooks") : script}\n`,
      );
    }
    await repository.git("config", "commit.gpgSign", "true");
    await repository.commit({ "a.txt": "1\n" });
    await repository.git("worktree", "add", "--detach", join(outside.path, "tree"));
    await repository.git("log", "-1");
    await expect(readFile(trace, "utf8")).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("what the user configured does not change a patch", async () => {
    await using repository = await temporaryRepository();
    await repository.commit({ "a.txt": "1\n" });
    await repository.git("config", "apply.whitespace", "fix");
    const input = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-1\n+2   \n";
    await runGit({ args: ["apply", "--index", "-"], cwd: repository.root, input });
    expect(await readFile(join(repository.root, "a.txt"), "utf8")).toBe("2   \n");
  });

  test("commits are the bot's where nobody else is named", async () => {
    await using repository = await temporaryRepository();
    await repository.commit({ "a.txt": "1\n" });
    expect(await repository.git("log", "-1", "--format=%an <%ae> %cn")).toBe(
      "whetstone[bot] <bot@whetstone.invalid> whetstone[bot]",
    );
  });

  test("records of -z keep names of any form", async () => {
    await using repository = await temporaryRepository();
    const names = ["a b", "ž\nnew line", '"quoted"', "tab\t"].sort();
    await repository.commit(Object.fromEntries(names.map((name) => [name, "x"])));
    const records = await gitRecords({ args: ["ls-files", "-z"], cwd: repository.root });
    expect(records.toSorted()).toEqual(names);
    expect(await gitRecords({ args: ["ls-files", "-z", "--", "none"], cwd: repository.root })).toEqual([]);
  });
});
