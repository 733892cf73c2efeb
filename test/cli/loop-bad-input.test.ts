import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { spawn } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { leftovers, NOTHING } from "../support/leftovers.ts";
import { BETTER_WORK, sampleProject, type SampleProject } from "../support/sample-project.ts";
import { whetstone, type Ended } from "../support/whetstone.ts";

let project: SampleProject;
let session: string;
beforeEach(async () => {
  project = await sampleProject();
  session = await project.session(BETTER_WORK);
});
afterEach(() => project.remove());

function loop(...extra: string[]): Promise<Ended> {
  return whetstone(["loop", "--local", "--session", `replay:${session}`, ...extra], { cwd: project.root });
}

async function change(file: string, from: string, to: string): Promise<void> {
  const text = await readFile(join(project.root, file), "utf8");
  expect(text).toContain(from);
  await project.write(file, text.replace(from, to));
  project.commit("change");
}

/** Exit code, code of the error, something the message must name, a remedy; and nothing left behind. */
async function expectRefusal(ended: Ended, expected: { exit: number; code: string; names: string }): Promise<void> {
  expect({ exit: ended.code, err: ended.err }).toMatchObject({
    exit: expected.exit,
    err: expect.stringContaining(`error (${expected.code}): `),
  });
  expect(ended.err).toContain(expected.names);
  expect(ended.err.trimEnd().split("\n").at(-1)).toMatch(/^ {2}[A-Z].*[.?]$/);
  expect(ended.err).not.toMatch(/\n\s+at /);
  expect(ended.out).toBe("");
  expect(await leftovers(project)).toEqual(NOTHING);
}

describe("before anything is started", () => {
  test("no git repository", async () => {
    const folder = await mkdtemp(join(tmpdir(), "whetstone-none-"));
    const ended = await whetstone(["loop", "--local", "--session", `replay:${session}`], { cwd: folder });
    await rm(folder, { recursive: true });
    await expectRefusal(ended, { exit: 2, code: "not_a_repository", names: "not inside a git repository" });
  });

  test("a tracked file was changed", async () => {
    await project.write("server.mjs", "changed");
    await expectRefusal(await loop(), { exit: 2, code: "worktree_dirty", names: "server.mjs" });
  });

  test("a lock file that the package manager rewrote is no change, any other file beside it is", async () => {
    await project.write("package-lock.json", "{}");
    project.commit("lock");
    await project.write("package-lock.json", "{ }");
    const ended = await loop("--dry-run");
    expect([ended.code, ended.err]).toEqual([0, expect.stringContaining("1 rewritten lock file ignored")]);
    await project.write("my-package-lock.json.txt", "x");
    project.git("add", "my-package-lock.json.txt");
    await expectRefusal(await loop(), { exit: 2, code: "worktree_dirty", names: "my-package-lock.json.txt" });
  });

  test("an untracked file lies in the source paths", async () => {
    await project.write("src/new.mjs", "export {};");
    await expectRefusal(await loop(), { exit: 2, code: "worktree_dirty", names: "src/new.mjs" });
  });

  test.each([
    ["an unknown key", "workload:", "worklaod:", 'Did you mean "workload"?'],
    ["a wrong type", "margin: 3", "margin: three", "targets.sample.canary.margin"],
    ["no YAML", "version: 1", "version: [", "not valid YAML"],
  ])("whetstone.yaml with %s", async (_name, from, ...[to, names]) => {
    await change("whetstone.yaml", from, to);
    await expectRefusal(await loop(), { exit: 2, code: "config_invalid", names });
  });

  test("no whetstone.yaml, and a target that is not in it", async () => {
    await expectRefusal(await loop("--target", "sampel"), { exit: 2, code: "target_unknown", names: "sampel" });
    project.git("rm", "-q", "whetstone.yaml");
    project.commit("remove");
    await expectRefusal(await loop(), { exit: 2, code: "config_missing", names: "whetstone.yaml" });
  });

  test("a session file that is truncated, or not there", async () => {
    await writeFile(session, (await readFile(session, "utf8")).slice(0, 200));
    await expectRefusal(await loop(), { exit: 2, code: "session_invalid", names: "session.json" });
    await rm(session);
    await expectRefusal(await loop(), { exit: 2, code: "session_invalid", names: "session.json" });
  });

  test("a workload that is no workload", async () => {
    await project.write("workload.json", "{}");
    project.commit("break");
    await expectRefusal(await loop(), { exit: 2, code: "workload_invalid", names: "workload.json" });
  });

  test("no session, no --local, an unknown mode, an unknown flag", async () => {
    const run = (...args: string[]): Promise<Ended> => whetstone(["loop", ...args], { cwd: project.root });
    await expectRefusal(await run("--local"), {
      exit: 2,
      code: "usage",
      names: "Nobody is named who would propose a change",
    });
    await expectRefusal(await run("--session", `replay:${session}`), { exit: 2, code: "usage", names: "GitHub" });
    await expectRefusal(await loop("--mode", "magic"), { exit: 2, code: "usage", names: "magic" });
    const unknown = await loop("--targte", "sample");
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("Did you mean --target")]);
  });
});

describe("while working", () => {
  test("a server that does not start", async () => {
    await project.write("server.mjs", "console.error('no such luck'); process.exit(3);\n");
    project.commit("break");
    await expectRefusal(await loop(), { exit: 1, code: "server_start_failed", names: "no such luck" });
  });

  test("a program that does not exist", async () => {
    await change("whetstone.yaml", "node server.mjs", "no-such-program");
    await expectRefusal(await loop(), { exit: 1, code: "server_start_failed", names: "no-such-program" });
  });

  test("a server that dies in the middle", async () => {
    await change(
      "server.mjs",
      'if (name === "fail") return',
      'if (name === "fail") { console.error("out of luck"); process.exit(9); } if (name === "fail") return',
    );
    await expectRefusal(await loop(), { exit: 1, code: "server_died", names: "out of luck" });
  });

  test("a workload that names a tool which the server does not offer", async () => {
    await change("workload.json", '"tool":"work"', '"tool":"wrok"');
    await expectRefusal(await loop(), { exit: 2, code: "workload_invalid", names: '"wrok"' });
  });

  test("a full disk while storing", async () => {
    const limited = `trap '' XFSZ; ulimit -f 500; exec "$0" "$@"`;
    const args = [resolve("bin/whetstone.js"), "loop", "--local", "--session", `replay:${session}`];
    const child = spawn("sh", ["-c", limited, process.execPath, ...args], {
      cwd: project.root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let err = "";
    let out = "";
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString("utf8")));
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString("utf8")));
    const code = await new Promise<number | null>((done) => child.once("close", done));
    const stored = await whetstone(["traces", "search", "--json"], { cwd: project.root });
    expect(stored.code).toBe(0);
    await expectRefusal(
      { code, signal: null, out, err },
      { exit: 1, code: "store_write_failed", names: "whetstone.db" },
    );
  });
});

describe("a proposal that is no good is a verdict, not an error", () => {
  async function verdictOf(
    file: string,
  ): Promise<{ ended: Ended; report: { verdict: string; reasons: string[]; branch: string | null; dossier: string } }> {
    session = file;
    const ended = await loop("--json");
    return { ended, report: JSON.parse(ended.out) };
  }

  test.each([
    [
      "does not apply",
      (patch: string) => patch.replace("-const REPEAT = 400;", "-const REPEAT = 401;"),
      "patch_does_not_apply",
    ],
    ["is no patch", () => "please change the loop", "patch_unparseable"],
    ["is empty", () => "", "patch_empty"],
    ["leaves the source paths", (patch: string) => patch.replaceAll("src/work.mjs", "server.mjs"), "path_forbidden"],
  ])("a patch that %s", async (_name, edit, reason) => {
    const file = await project.session(BETTER_WORK);
    const record = JSON.parse(await readFile(file, "utf8"));
    record.answer.patch = edit(record.answer.patch);
    await writeFile(file, JSON.stringify(record));
    const { ended, report } = await verdictOf(file);
    expect([ended.code, report.verdict, report.branch]).toEqual([1, "rejected", null]);
    expect(report.reasons).toContain(reason);
    expect(await leftovers(project)).toEqual(NOTHING);
  });

  test("a change that fails a check, changes a result, breaks the start, or does nothing", async () => {
    const broken = await verdictOf(await project.session("export function work( {\n"));
    expect([broken.ended.code, broken.report.reasons]).toEqual([1, ["check_failed"]]);
    const wrong = await verdictOf(await project.session(BETTER_WORK.replace("return sum", "return sum + 1")));
    expect([wrong.ended.code, wrong.report.reasons]).toEqual([1, ["replay_result_changed"]]);
    const dead = await verdictOf(await project.session(`throw new Error("cannot load");\n${BETTER_WORK}`));
    expect([dead.ended.code, dead.report.reasons]).toEqual([1, ["server_failed"]]);
    const nothing = await verdictOf(await project.session(null, { answer: undefined as never }));
    expect([nothing.ended.code, nothing.report.reasons]).toEqual([3, ["agent_no_change"]]);
    expect(await leftovers(project)).toEqual(NOTHING);
  });
});
