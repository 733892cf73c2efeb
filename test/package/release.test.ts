import { readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { gitText } from "../../src/github/git.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { run } from "./staging.ts";

const AS = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"];
const DIGEST = resolve("scripts/digest.sh");

/** A remote with one commit on main, and a clone of it with a built dist/ beside the sources. */
describe("scripts/tag-release.sh", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let clone = "";
  let remote = "";
  const git = (...args: string[]): Promise<string> => gitText({ args: [...AS, ...args], cwd: clone });
  const digest = async (path = "dist"): Promise<string> => (await run(DIGEST, [path], { cwd: clone })).stdout.trim();
  beforeEach(async () => {
    folder = await temporaryFolder();
    [clone, remote] = [join(folder.path, "clone"), join(folder.path, "remote.git")];
    await gitText({ args: ["init", "--quiet", "--bare", "-b", "main", remote], cwd: folder.path });
    await gitText({ args: ["init", "--quiet", "-b", "main", clone], cwd: folder.path });
    await writeFile(join(clone, "package.json"), JSON.stringify({ version: "1.2.3" }));
    await writeFile(join(clone, ".gitignore"), "dist/\n");
    await git("add", "--all");
    await git("commit", "--quiet", "-m", "start");
    await git("remote", "add", "origin", remote);
    await git("push", "--quiet", "origin", "main");
    await mkdir(join(clone, "dist/chunks"), { recursive: true });
    await writeFile(join(clone, "dist/main.js"), "1\n");
    await writeFile(join(clone, "dist/chunks/a b.js"), "2\n");
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
  });
  const identity = {
    GIT_AUTHOR_NAME: "T",
    GIT_AUTHOR_EMAIL: "t@x",
    GIT_COMMITTER_NAME: "T",
    GIT_COMMITTER_EMAIL: "t@x",
  };
  const release = (version: string, expected: string) =>
    run(resolve("scripts/tag-release.sh"), [version, expected], { cwd: clone, env: { ...process.env, ...identity } });
  const atRemote = (...args: string[]): Promise<string> => gitText({ args, cwd: remote });

  test("tags a child of main that adds dist/ alone, and leaves main as it is", async () => {
    const main = await atRemote("rev-parse", "main");
    const { stdout } = await release("1.2.3", await digest());
    expect(stdout.trim()).toBe(await atRemote("rev-parse", "v1.2.3^{commit}"));
    expect(await atRemote("rev-parse", "v1.2.3^{commit}^")).toBe(main);
    expect(await atRemote("rev-parse", "main")).toBe(main);
    expect(await atRemote("for-each-ref", "--format=%(refname)")).toBe("refs/heads/main\nrefs/tags/v1.2.3");
    const changed = await atRemote("diff-tree", "-r", "--name-status", main, "v1.2.3^{commit}");
    expect(changed.split("\n")).toEqual(["A\tdist/chunks/a b.js", "A\tdist/main.js"]);
    expect(await atRemote("log", "-1", "--format=%B", "v1.2.3^{commit}")).toContain(main);
  });

  test("a release is never moved", async () => {
    await release("1.2.3", await digest());
    const tagged = await atRemote("rev-parse", "v1.2.3");
    await git("checkout", "--quiet", "main");
    await git("tag", "--delete", "v1.2.3");
    await mkdir(join(clone, "dist"), { recursive: true });
    await writeFile(join(clone, "dist/main.js"), "other\n");
    await expect(release("1.2.3", await digest())).rejects.toMatchObject({
      stderr: expect.stringContaining("v1.2.3 exists; a release is never moved"),
    });
    expect(await atRemote("rev-parse", "v1.2.3")).toBe(tagged);
  });

  test.each([
    ["another digest", "1.2.3", async () => "0".repeat(64), "dist/ has digest"],
    ["another version", "1.2.4", digest, "package.json says 1.2.3"],
    ["no version", "v1", digest, "is no version"],
    ["a version that is a command", "1.2.3;id", digest, "is no version"],
  ])("%s is refused, and nothing is pushed", async (...[, version, expected, said]) => {
    const given = await expected();
    await expect(release(version, given)).rejects.toMatchObject({ stderr: expect.stringContaining(said) });
    expect(await atRemote("tag", "--list")).toBe("");
  });

  test("a clone that differs from its head is refused, and so is a remote that does not answer", async () => {
    await writeFile(join(clone, "package.json"), JSON.stringify({ version: "1.2.3", more: 1 }));
    await expect(release("1.2.3", await digest())).rejects.toMatchObject({
      stderr: expect.stringContaining("differs"),
    });
    await git("checkout", "--quiet", "package.json");
    await git("remote", "set-url", "origin", join(folder.path, "gone.git"));
    await expect(release("1.2.3", await digest())).rejects.toMatchObject({
      stderr: expect.stringContaining("does not answer"),
    });
  });

  test("the digest is of names and contents, not of place and time", async () => {
    const first = await digest();
    await run("cp", ["-R", join(clone, "dist"), join(folder.path, "copy")]);
    expect(await digest(join(folder.path, "copy"))).toBe(first);
    await run("mv", [join(clone, "dist/main.js"), join(clone, "dist/main2.js")]);
    const renamed = await digest();
    await writeFile(join(clone, "dist/main2.js"), "3\n");
    expect(new Set([first, renamed, await digest()]).size).toBe(3);
  });
});

describe("release.yml", () => {
  type Step = { readonly uses?: string; readonly run?: string; readonly env?: object };
  type Job = {
    readonly permissions: Readonly<Record<string, string>>;
    readonly environment?: string;
    readonly steps: readonly Step[];
  };
  const text = readFileSync(".github/workflows/release.yml", "utf8");
  const workflow = parse(text);
  const jobs: Readonly<Record<string, Job>> = workflow.jobs;

  test("writes in one job alone, which a person lets through and which runs nothing that was installed or built", () => {
    expect(workflow.permissions).toEqual({});
    expect(jobs["build"]?.permissions).toEqual({ contents: "read" });
    expect(jobs["tag"]).toMatchObject({ permissions: { contents: "write", checks: "read" }, environment: "release" });
    const commands = jobs["tag"]?.steps.map(({ run: command = "" }) => command).join("\n") ?? "";
    expect(commands).not.toMatch(/\b(?:npm|npx|node)\b/);
    expect(text).not.toMatch(/git push/);
  });

  test("tags only what two machines built alike, of a commit of main that has passed", () => {
    expect(text).toMatch(/\[ "\$FIRST" = "\$SECOND" \]/);
    expect(text).toContain("github.ref == format('refs/heads/{0}', github.event.repository.default_branch)");
    expect(text).toContain("check_name=.ci/run");
    expect(parse(readFileSync(".github/workflows/ci.yml", "utf8")).jobs.test.name).toBe(".ci/run");
  });

  test("pins every action, keeps no token in a checkout, puts no expression into a shell", () => {
    for (const { steps } of Object.values(jobs)) {
      for (const { uses, run: command } of steps) {
        if (uses !== undefined) expect(uses).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
        expect(command ?? "").not.toContain("${{");
      }
    }
    expect(text.match(/uses: actions\/checkout@.*\n.*persist-credentials: false/g)).toHaveLength(2);
  });
});

test("npm prepares a clone by building it", async () => {
  const { scripts } = JSON.parse(await readFile("package.json", "utf8")) as { scripts: Record<string, string> };
  expect([scripts["prepare"], scripts["prepack"]]).toEqual(["node scripts/prepare.ts", undefined]);
});
