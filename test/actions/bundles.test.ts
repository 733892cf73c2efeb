import { mkdir, mkdtemp, readFile, rename, writeFile } from "node:fs/promises";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { run, stageRepository, toolPath } from "../package/staging.ts";
import { OWNER, REPO, startGitHub, TOKEN, type GitHub } from "../support/github.ts";
import { freshDatabase, postgresUrl } from "../support/postgres.ts";
import { BETTER_WORK, sampleProject, type SampleProject } from "../support/sample-project.ts";
import { runBundle } from "./run.ts";

/**
 * Every built action, run by its `action.yml` as a runner does it, away from this repository and its dependencies.
 * `@github/local-action` is not used: it runs sources with `@actions/core` replaced, so that a bundle, which holds its
 * own, would run without what it is there to show; and it brings a second TypeScript.
 */
let tag = "";
let project: SampleProject;
let github: GitHub;
let staged: Awaited<ReturnType<typeof stageRepository>>;

beforeAll(async () => {
  staged = await stageRepository();
  await run("npm", ["run", "--silent", "build"], { cwd: staged.path, env: toolPath });
  tag = await mkdtemp(join(staged.path, "..", "whetstone-tag-"));
  for (const part of ["dist", "sql", "specs", "package.json", "actions", "action.yml"]) {
    await run("cp", ["-R", join(staged.path, part), tag]);
  }
  project = await sampleProject();
  const session = await readFile(await project.session(BETTER_WORK), "utf8");
  await project.write("sessions/good.json", session);
  project.commit("a recorded session");
  github = await startGitHub();
}, 180_000);
afterAll(async () => {
  await github[Symbol.asyncDispose]();
  await project.remove();
  await staged[Symbol.asyncDispose]();
  await run("rm", ["-rf", tag]);
});

const act = (name: string, inputs: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) =>
  runBundle({
    folder: name === "." ? tag : join(tag, "actions", name),
    workspace: project.root,
    with: inputs,
    env: { GITHUB_API_URL: github.baseUrl, GITHUB_REPOSITORY: `${OWNER}/${REPO}`, ...env },
  });
const standing = () => [
  project.git("for-each-ref"),
  project.git("status", "--porcelain", "--ignored"),
  github.requests.filter((request) => !request.startsWith("GET")).length,
];

describe.each([".", ...readdirSync("actions")].map((name) => [name]))("the bundle of %s", (name) => {
  test("refuses an input that it does not know, sets every output, and leaves nothing behind", async () => {
    const before = standing();
    const { exitCode, outputs, log, summary, declared } = await act(name, { "no-such-input": "x" });
    expect({ exitCode, log }).toEqual({
      exitCode: 1,
      log: expect.stringMatching(/^::error::Whetstone: error \(usage\): There is no input `no-such-input`\. \S/m),
    });
    expect(outputs).toMatchObject({ decision: "deny", "reason-code": "usage", result: "error" });
    if (name !== ".") expect(Object.keys(outputs).toSorted()).toEqual(declared.toSorted());
    expect(summary).toContain("## Whetstone: error");
    expect(standing()).toEqual(before);
  });
});

test("the monitor opens the issue of a target that nobody calls, and writes nothing the next time", async () => {
  await mkdir(join(project.root, ".whetstone"), { recursive: true });
  await using store = await openSqliteStore({ path: join(project.root, ".whetstone/whetstone.db") });
  await store.append([]);
  const first = await act("monitor", { token: TOKEN });
  expect({ exitCode: first.exitCode, log: first.log }).toMatchObject({ exitCode: 0 });
  expect(first.outputs).toMatchObject({ result: "alert", alerts: "1", "new-alerts": "1" });
  expect(first.outputs["issue"]).toMatch(/^https:\/\/github\.test\/octo-org\/notes\/issues\/\d+$/);
  expect(first.log).toMatch(/^::warning::sample: No trace of sample/m);
  const written = standing()[2];
  const second = await act(".", { step: "monitor", token: TOKEN });
  expect(second.outputs).toMatchObject({ result: "alert", "new-alerts": "0", issue: first.outputs["issue"] });
  expect(standing()[2]).toBe(written);
  expect(github.violations).toEqual([]);
});

const onServer = postgresUrl === undefined ? test.skip : test;
onServer(
  "the monitor reads the PostgreSQL store that the template names, and its log does not show the password",
  async () => {
    const database = await freshDatabase(postgresUrl ?? "");
    const url = new URL(database.url);
    const { exitCode, outputs, log } = await act("monitor", { "expect-traffic": "false" }, { DATABASE_URL: url.href });
    expect({ exitCode, outputs, log }).toMatchObject({ exitCode: 0, outputs: { result: "quiet", alerts: "0" } });
    expect(log).toContain(`::add-mask::${url.href}\n`);
    expect(log.replaceAll(/^::add-mask::.*$/gm, "")).not.toContain(url.href);
    await database.drop();
  },
);

test("the jobs of the loop hand on to each other, from the gate to the record", async () => {
  const needs: Record<string, { result: string; outputs: Readonly<Record<string, string>> }> = {};
  let dossier = "";
  await mkdir(join(project.root, "handed-on"));
  const job = async (name: string, inputs: Readonly<Record<string, string>> = {}) => {
    // The two jobs that write get the dossiers of several jobs, in folders of their own.
    const from = ["propose", "record"].includes(name) ? "handed-on" : dossier;
    const handed = name === "gate" ? {} : { dossier: from, needs: JSON.stringify(needs) };
    const end = await act(name, { ...handed, ...inputs });
    needs[name] = { result: end.exitCode === 0 ? "success" : "failure", outputs: end.outputs };
    if (end.exitCode !== 0) throw new Error(`${name}: ${end.log}`);
    // As upload and download do it: each job finds what it goes on with in a folder of its own.
    dossier = join("handed-on", name);
    if (name !== "record") await rename(join(project.root, end.outputs["dossier"] ?? ""), join(project.root, dossier));
    return end;
  };
  const gate = await job("gate", { mode: "refinement", session: "replay:sessions/good.json" });
  expect(gate.outputs).toMatchObject({ go: "true", decision: "allow", result: "pass" });
  for (const name of ["evidence", "session", "detect", "validate", "propose"]) {
    const { outputs, log, summary } = await job(name, name === "propose" ? {} : { stopped: "false" });
    expect([name, outputs["go"], outputs["result"]]).toEqual([name, "true", "pass"]);
    expect(log).toContain("::group::");
    expect(summary).toContain("```mermaid\ngantt");
  }
  const { outputs, summary } = await job("record");
  expect(outputs).toMatchObject({
    decision: "allow",
    result: "proposed",
    branch: expect.stringMatching(/^whetstone\//),
  });
  expect(summary).toContain("## Whetstone on sample: proposed");
  expect(project.git("branch", "--list", "whetstone/*").split("\n")).toHaveLength(2);
}, 180_000);

test("the kill switch is read with a token", async () => {
  const { exitCode, outputs, log } = await act("stopped", { token: TOKEN });
  expect({ exitCode, log, outputs }).toMatchObject({ exitCode: 0, outputs: { result: "running", stopped: "false" } });
});

test("the canary judges calls of both arms from files", async () => {
  const rows = Array.from({ length: 200 }, (_, i) => {
    const at = new Date(Date.UTC(2026, 10, 20, 10, 0, i)).toISOString();
    return `${at},search,${50 + (i % 7)},false`;
  });
  const calls = ["timestamp,operation,durationMs,error", ...rows, ""].join("\n");
  for (const arm of ["control", "experiment"]) await writeFile(join(project.root, `${arm}.csv`), calls);
  const inputs = {
    commit: "a".repeat(40),
    control: "control.csv",
    experiment: "experiment.csv",
    "at-deadline": "none",
  };
  const { outputs, log } = await act("canary", inputs);
  expect({ outputs, log }).toMatchObject({ outputs: { result: expect.stringMatching(/^(?:promote|inconclusive)$/) } });
});
