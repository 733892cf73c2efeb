import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { gitText } from "../../src/github/git.ts";
import { openGitState } from "../../src/github/git-state.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";
import { appendLine } from "./append-line.ts";
import { stateContract } from "./state-contract.ts";

const NOW = 1_700_000_000_123_456_789n;
const now = () => NOW;
const BRANCH = "whetstone/state";
const WRITER = join(import.meta.dirname, "state-writer.ts");

stateContract("git", async (options) => {
  const repository = await temporaryRepository();
  return {
    writer: () => openGitState({ cwd: repository.root, now, ...options }),
    [Symbol.asyncDispose]: () => repository[Symbol.asyncDispose](),
  };
});

/** Runs the writer in a process of its own; resolves with its exit code, or the signal that ended it. */
async function runWriter(args: readonly string[], env: Record<string, string> = {}): Promise<unknown> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", WRITER, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  return signal ?? (code === 0 ? 0 : Buffer.concat(said).toString("utf8"));
}

const logOf = async (root: string) => {
  const view = await openGitState({ cwd: root, now }).view();
  return ((await view.read("log")) ?? "").trim().split("\n").sort();
};

describe("git state", () => {
  test.each([2, 8])("%i processes at once: every update is there exactly once", async (writers) => {
    await using repository = await temporaryRepository();
    const names = Array.from({ length: writers }, (_, index) => `p${index}`);
    const codes = await Promise.all(names.map((name) => runWriter([repository.root, name, "3"])));
    expect(codes).toEqual(names.map(() => 0));
    expect(await logOf(repository.root)).toEqual(names.flatMap((name) => [1, 2, 3].map((n) => `${name}-${n}`)));
    expect(await repository.git("rev-list", "--count", BRANCH)).toBe(String(writers * 3));
  });

  test("kill -9 before each single git command leaves the old or the new state, and the next run writes", async () => {
    await using repository = await temporaryRepository();
    await using shim = await temporaryFolder();
    const state = openGitState({ cwd: repository.root, now });
    await appendLine(state, "first");
    const counter = join(shim.path, "counter");
    const git = join(shim.path, "git");
    const ends: unknown[] = [];
    const realPath = process.env["PATH"] ?? "";
    for (let killAt = 1; ends.at(-1) !== 0; killAt += 1) {
      await writeFile(counter, "");
      // Each command counts itself; the chosen one kills the writer and does its work only afterwards, as a child would.
      await writeFile(
        git,
        `#!/bin/sh\nPATH=${realPath}\nprintf x >>${counter}\n[ $(wc -c <${counter}) -eq ${killAt} ] && kill -9 $PPID\nexec git "$@"\n`,
      );
      await chmod(git, 0o755);
      const before = await logOf(repository.root);
      // A killed writer cannot remove its temporary index: here it goes with the folder of the test.
      const env = { PATH: `${shim.path}:${realPath}`, TMPDIR: shim.path };
      ends.push(await runWriter([repository.root, `k${killAt}`, "1"], env));
      expect(["SIGKILL", 0]).toContain(ends.at(-1));
      const after = await logOf(repository.root);
      expect([before, [...before, `k${killAt}-1`].sort()]).toContainEqual(after);
      await appendLine(state, `after-${killAt}`);
      expect(await logOf(repository.root)).toEqual([...after, `after-${killAt}`].sort());
    }
    // Before reading, before storing the objects, before moving the branch.
    expect(ends.filter((end) => end === "SIGKILL").length).toBe(3);
    expect(await repository.git("fsck", "--strict", "--no-dangling")).toBe("");
  });

  test("index, files and HEAD of the user stay as they are", async () => {
    await using repository = await temporaryRepository();
    await repository.commit({ "a.txt": "1\n" });
    await repository.write({ "a.txt": "2\n", "b.txt": "staged\n" });
    await repository.git("add", "b.txt");
    const index = await readFile(join(repository.root, ".git/index"));
    const head = await repository.git("rev-parse", "HEAD");
    await appendLine(openGitState({ cwd: repository.root, now }), "x");
    expect(await readFile(join(repository.root, ".git/index"))).toEqual(index);
    expect(await repository.git("rev-parse", "HEAD")).toBe(head);
    expect(await repository.git("status", "--porcelain")).toBe(" M a.txt\nA  b.txt");
    expect(await repository.git("stash", "list")).toBe("");
  });

  test("commits carry the bot, the message and the clock's time; the first has no parent", async () => {
    await using repository = await temporaryRepository();
    await repository.commit({ "a.txt": "1\n" });
    const state = openGitState({ cwd: repository.root, now });
    await appendLine(state, "one");
    await appendLine(state, "two");
    const log = await repository.git("log", "--format=%an|%cn|%at|%ct|%s", BRANCH);
    expect(log.split("\n")).toEqual(
      ["two", "one"].map((subject) => `whetstone[bot]|whetstone[bot]|1700000000|1700000000|${subject}`),
    );
    await expect(repository.git("merge-base", BRANCH, "main")).rejects.toMatchObject({ data: { code: 1 } });
  });

  test("works in a repository with SHA-256 objects and on another branch", async () => {
    await using folder = await temporaryFolder();
    await gitText({ args: ["init", "--quiet", "--object-format=sha256"], cwd: folder.path });
    const state = openGitState({ cwd: folder.path, branch: "other/state", now });
    await appendLine(state, "one");
    await state.update("m", async () => ({
      change: new Map([
        ["log", null],
        ["new", "2"],
      ]),
      value: undefined,
    }));
    const view = await state.view();
    expect(view.head).toHaveLength(64);
    expect(await view.list("")).toEqual(["new"]);
  });

  test("a lock left by a killed git is named with the remedy", async () => {
    await using repository = await temporaryRepository();
    const state = openGitState({ cwd: repository.root, now });
    await appendLine(state, "one");
    const lock = join(repository.root, ".git/refs/heads/whetstone/state.lock");
    await writeFile(lock, "");
    await expect(appendLine(state, "two")).rejects.toMatchObject({
      code: "git_failed",
      remedy: expect.stringContaining(lock),
    });
  });

  test("a folder without repository is an error of git, not an empty state", async () => {
    await using folder = await temporaryFolder();
    await expect(openGitState({ cwd: folder.path, now }).view()).rejects.toMatchObject({ code: "git_failed" });
    const missing = openGitState({ cwd: join(folder.path, "gone"), now });
    await expect(missing.view()).rejects.toMatchObject({ code: "not_a_repository" });
  });

  test("another's branch of that name is neither read as the state nor written", async () => {
    await using repository = await temporaryRepository();
    const { root, git } = repository;
    await repository.commit({ "README.md": "mine\n" });
    await git("branch", "-m", "main", "person");
    const person = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
    const env = { GIT_AUTHOR_EMAIL: "ada@example.org", GIT_COMMITTER_EMAIL: "ada@example.org" };
    const commit = async (...args: string[]) => await gitText({ args: [...person, "commit", ...args], cwd: root, env });
    await git("checkout", "--quiet", "-b", BRANCH);
    await commit("--quiet", "--allow-empty", "-m", "work of mine");
    const before = await git("rev-parse", BRANCH);
    const state = openGitState({ cwd: root, now });
    const refusal = { code: "state_foreign", remedy: expect.stringContaining(`git branch -m ${BRANCH}`) };
    await expect(state.view()).rejects.toMatchObject(refusal);
    await expect(appendLine(state, "x")).rejects.toMatchObject(refusal);
    expect(await git("rev-parse", BRANCH)).toBe(before);
    // What it says to do helps.
    await git("branch", "-m", BRANCH, "other-name");
    await appendLine(state, "x");
    expect(await logOf(root)).toEqual(["x"]);
  });

  test("a state that a person mended by hand, or began without files, is ours", async () => {
    await using repository = await temporaryRepository();
    const { root, git } = repository;
    const env = { GIT_AUTHOR_EMAIL: "ada@example.org", GIT_COMMITTER_EMAIL: "ada@example.org" };
    const byHand = async (...args: string[]) => await gitText({ args, cwd: root, env });
    const empty = await byHand("mktree");
    await git("update-ref", `refs/heads/${BRANCH}`, await byHand("commit-tree", empty, "-m", "begin"));
    const state = openGitState({ cwd: root, now });
    await state.update("m", async () => ({ change: new Map([["ledger-tip.json", "{}\n"]]), value: undefined }));
    const tree = await git("rev-parse", `${BRANCH}^{tree}`);
    await git("update-ref", `refs/heads/${BRANCH}`, await byHand("commit-tree", tree, "-p", BRANCH, "-m", "mend"));
    await appendLine(state, "x");
    expect(await logOf(root)).toEqual(["x"]);
  });

  test("a branch that cannot be read is not taken for none", async () => {
    await using repository = await temporaryRepository();
    const state = openGitState({ cwd: repository.root, now });
    await appendLine(state, "one");
    const file = join(repository.root, ".git/refs/heads", BRANCH);
    for (const text of ["", `${"1".repeat(40)}\n`, "no id\n"]) {
      await writeFile(file, text);
      await expect(state.view()).rejects.toMatchObject({
        code: "git_failed",
        message: expect.stringContaining(BRANCH),
      });
      await expect(appendLine(state, "two")).rejects.toMatchObject({ code: "git_failed" });
      expect(await readFile(file, "utf8")).toBe(text);
    }
  });

  test("a file or folder of the state that is missing in the repository is an error, not an absent one", async () => {
    await using repository = await temporaryRepository();
    const state = openGitState({ cwd: repository.root, now });
    await state.update("m", async () => ({ change: new Map([["a/b", "text"]]), value: undefined }));
    const objectFile = async (name: string) => {
      const id = await repository.git("rev-parse", `${BRANCH}:${name}`);
      return join(repository.root, ".git/objects", id.slice(0, 2), id.slice(2));
    };
    const files = [await objectFile("a/b"), await objectFile("a")];
    for (const file of files) {
      await rm(file, { force: true });
      const view = await state.view();
      await expect(view.read("a/b")).rejects.toMatchObject({ code: "git_failed" });
      expect(await view.read("none")).toBeUndefined();
    }
  });
});
