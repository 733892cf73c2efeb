import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { sampleProject, type SampleProject } from "../support/sample-project.ts";
import { whetstone } from "../support/whetstone.ts";

const COMMANDS = [
  ["loop"],
  ["proxy"],
  ["import"],
  ["traces", "search"],
  ["traces", "show"],
  ["analyze"],
  ["validate"],
  ["propose"],
  ["canary", "judge"],
  ["record"],
  ["learn"],
  ["replay"],
  ["audit", "verify"],
  ["audit", "show"],
  ["audit", "export"],
  ["audit", "sign"],
  ["authorize", "request"],
  ["authorize", "grant"],
  ["authorize", "list"],
  ["authorize", "show"],
  ["authorize", "revoke"],
  ["authorize", "keys", "list"],
  ["authorize", "keys", "rotate"],
  ["authorize", "keys", "revoke"],
  ["stop"],
  ["resume"],
  ["init"],
  ["doctor"],
];

describe("--help", () => {
  test.each(COMMANDS)("%s %s has an example and the common flags", async (...words) => {
    const ended = await whetstone([...words.filter((word) => word !== undefined), "--help"], { cwd: tmpdir() });
    expect(ended.code).toBe(0);
    expect(ended.out).toContain(`Example:\n  $ whetstone ${words.join(" ").trim()}`);
    for (const flag of ["--json", "--config", "--db"]) expect(ended.out).toContain(flag);
    expect(ended.out).not.toContain("default: []");
  });

  test.each([
    [["session"], "session start"],
    [["app", "dead-letters"], "app dead-letters list"],
  ])("%j, a group, has an example that works", async (words, example) => {
    const { code, out } = await whetstone([...words, "--help"], { cwd: tmpdir() });
    expect([code, out]).toEqual([0, expect.stringContaining(`Example:\n  $ whetstone ${example} --help`)]);
    expect((await whetstone([...example.split(" "), "--help"], { cwd: tmpdir() })).code).toBe(0);
  });

  test.each([
    [[], "Exit codes: 0 done or passed, 1 "],
    [["regressions"], "Exit code: 0 no worse, 1 worse, 3 "],
    [["canary", "judge"], "Exit code: 0 promote (Pass), 1 roll back (Fail), 3 continue (Marginal)"],
  ])("%j says what its exit codes mean", async (words, said) => {
    expect((await whetstone([...words, "--help"], { cwd: tmpdir() })).out).toContain(said);
  });

  test("the README's table names every command that there is", async () => {
    const readme = await readFile("README.md", "utf8");
    const help = (await whetstone(["--help"], { cwd: tmpdir() })).out;
    const commands = [...help.matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1]).filter((name) => name !== "help");
    expect(commands.length).toBeGreaterThan(12);
    for (const command of commands)
      expect({ command, named: new RegExp(`\\b${command}\\b`).test(readme) }).toEqual({ command, named: true });
  });
});

describe("init and doctor", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "whetstone-init-"));
    execFileSync("git", ["init", "-q"], { cwd: folder });
  });
  afterAll(() => rm(folder, { recursive: true }));
  const cli = (...args: string[]) => whetstone(args, { cwd: folder });

  test("init guesses the command from .mcp.json, writes all or nothing, and never over a file", async () => {
    await writeFile(
      join(folder, ".mcp.json"),
      JSON.stringify({ mcpServers: { files: { command: "node", args: ["my server.js", "--x"] } } }),
    );
    const first = await cli("init", "--target", "files", "--json");
    expect([first.code, JSON.parse(first.out)]).toEqual([
      0,
      {
        written: ["whetstone.yaml", ".whetstone-workload.json", ".gitignore"],
        kept: [],
        command: 'node "my server.js" --x',
      },
    ]);
    const before = await readFile(join(folder, "whetstone.yaml"), "utf8");
    const second = await cli("init", "--target", "other");
    expect([second.code, second.err]).toEqual([2, expect.stringContaining("whetstone.yaml")]);
    expect(await readFile(join(folder, "whetstone.yaml"), "utf8")).toBe(before);
    expect((await cli("init", "--target", "other", "--force")).code).toBe(0);
    expect((await readFile(join(folder, ".gitignore"), "utf8")).match(/\.whetstone\//g)).toHaveLength(1);
  });

  test("doctor names each fault with its remedy and fails", async () => {
    const ended = await cli("doctor", "--json");
    expect(ended.code).toBe(1);
    const checks = JSON.parse(ended.out).checks as { name: string; ok: boolean; remedy?: string }[];
    expect(checks.filter(({ ok }) => ok).map(({ name }) => name)).toEqual(
      expect.arrayContaining(["node", "git", "configuration", "store"]),
    );
    const faults = checks.filter(({ ok }) => !ok);
    expect(faults.map(({ name }) => name)).toEqual(["other: source", "other: server"]);
    expect(faults[0]?.remedy).toBeDefined();
  });
});

describe("doctor on a project that is well", () => {
  let project: SampleProject;
  beforeAll(async () => {
    project = await sampleProject();
  });
  afterAll(() => project.remove());

  test("starts the server, asks it, and passes", async () => {
    const ended = await whetstone(["doctor"], { cwd: project.root });
    expect({ code: ended.code, out: ended.out }).toMatchObject({
      code: 0,
      out: expect.stringContaining("starts; work answered ok"),
    });
  });

  test("outside a repository says so and fails", async () => {
    const ended = await whetstone(["doctor"], { cwd: tmpdir() });
    expect([ended.code, ended.out]).toEqual([1, expect.stringContaining("not inside a git repository")]);
  });
});
