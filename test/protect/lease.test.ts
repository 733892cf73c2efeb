import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { LeaseRecord, openLease, sweepLeases, type SweepOptions } from "../../src/protect/lease.ts";
import { temporaryFolder } from "../support/git-repository.ts";

const SHA = "a".repeat(40);
const SOURCE = join(import.meta.dirname, "../../src/protect/lease.ts");

/** A sweeper that notes what it was asked to give back. */
function sweeper(folder: string, failing: readonly string[] = []): SweepOptions & { readonly calls: string[] } {
  const calls: string[] = [];
  const note = async (call: string) => {
    calls.push(call);
    if (failing.includes(call)) throw new Error(`cannot ${call}`);
  };
  return {
    folder,
    calls,
    removeWorktree: (path) => note(`worktree ${path}`),
    closeBranch: ({ branch, sha }) => note(`branch ${branch} ${sha}`),
    killProcessGroup: (pid) => note(`kill ${pid}`),
  };
}

/** Runs a script in a process of its own until it prints a line; `end` kills it with -9. */
async function start(script: string): Promise<{ readonly child: ChildProcess; readonly end: () => Promise<void> }> {
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript", "-e", script];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  const end = async () => {
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
  };
  return { child, end };
}

const holding = (folder: string, id: string) => `
  import { openLease } from ${JSON.stringify(SOURCE)};
  const lease = await openLease({ folder: ${JSON.stringify(folder)}, id: ${JSON.stringify(id)} });
  await lease.addWorktree("/w/1");
  await lease.addBranch({ branch: "whetstone/p", sha: "${SHA}" });
  console.log("held");
  process.stdin.resume();`;

const recordOf = async (folder: string, id: string) =>
  LeaseRecord.parse(JSON.parse(await readFile(join(folder, `${id}.json`), "utf8")));

const dead = (id: string, more: Partial<LeaseRecord> = {}): LeaseRecord => ({
  schema: "whetstone.lease/1",
  id,
  pid: 2 ** 22 + 1, // above the greatest pid of Linux
  processStart: "1",
  worktrees: [],
  branches: [],
  processes: [],
  ...more,
});
const write = async (folder: string, lease: LeaseRecord) => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${lease.id}.json`), JSON.stringify(lease));
};

describe("openLease", () => {
  test("says on disk what the run owns, at every step, and nothing after release", async () => {
    await using folder = await temporaryFolder();
    const leases = join(folder.path, "leases");
    const lease = await openLease({ folder: leases, id: "r1" });
    const empty = await recordOf(leases, "r1");
    expect(empty).toMatchObject({ id: "r1", pid: process.pid, worktrees: [], branches: [], processes: [] });
    if (process.platform === "linux") expect(empty.processStart).toMatch(/^\d+$/);
    await lease.addWorktree("/w/1");
    await lease.addWorktree("/w/1");
    await lease.addWorktree("/w/2");
    await lease.addBranch({ branch: "b", sha: SHA });
    await lease.addBranch({ branch: "b", sha: "b".repeat(40) });
    await lease.addBranch({ branch: "kept", sha: SHA });
    await lease.forgetBranch("kept");
    await lease.addProcess(process.pid);
    await lease.addProcess(1);
    await lease.forgetProcess(1);
    expect(await recordOf(leases, "r1")).toMatchObject({
      worktrees: ["/w/1", "/w/2"],
      branches: [{ branch: "b", sha: "b".repeat(40) }],
      processes: [{ pid: process.pid, start: empty.processStart }],
    });
    await lease.release();
    await lease.release();
    expect(await readdir(leases)).toEqual([]);
  });

  test("changes at once are all there", async () => {
    await using folder = await temporaryFolder();
    const lease = await openLease({ folder: folder.path, id: "r1" });
    const paths = Array.from({ length: 20 }, (_, index) => `/w/${index}`);
    await Promise.all(paths.map((path) => lease.addWorktree(path)));
    expect((await recordOf(folder.path, "r1")).worktrees).toEqual(paths);
    await lease.release();
  });

  test("a small change does not overtake a large one before it", async () => {
    await using folder = await temporaryFolder();
    const lease = await openLease({ folder: folder.path, id: "r1" });
    const branch = "b".repeat(20_000_000);
    await Promise.all([lease.addBranch({ branch, sha: SHA }), lease.forgetBranch(branch)]);
    expect((await recordOf(folder.path, "r1")).branches).toEqual([]);
  });

  test("a lease that cannot be written is an error", async () => {
    await using folder = await temporaryFolder();
    const leases = join(folder.path, "leases");
    await writeFile(leases, "");
    await expect(openLease({ folder: leases, id: "r1" })).rejects.toMatchObject({ code: "write_failed" });
  });

  test("after a change that could not be written the next one may succeed, and holds both", async () => {
    await using folder = await temporaryFolder();
    const leases = join(folder.path, "leases");
    const lease = await openLease({ folder: leases, id: "r1" });
    await rm(leases, { recursive: true });
    await writeFile(leases, "");
    await expect(lease.addWorktree("/w/1")).rejects.toMatchObject({ code: "write_failed" });
    await rm(leases);
    await lease.addWorktree("/w/2");
    expect((await recordOf(leases, "r1")).worktrees).toEqual(["/w/1", "/w/2"]);
  });
});

describe("sweepLeases", () => {
  test("no folder, nothing to do", async () => {
    await using folder = await temporaryFolder();
    expect(await sweepLeases(sweeper(join(folder.path, "none")))).toEqual({ swept: [], problems: [] });
  });

  test("leaves live runs alone, and gives back what a killed one held, once", async () => {
    await using folder = await temporaryFolder();
    const run = await start(holding(folder.path, "r1"));
    const before = sweeper(folder.path);
    expect(await sweepLeases(before)).toEqual({ swept: [], problems: [] });
    expect(before.calls).toEqual([]);
    await run.end();
    const after = sweeper(folder.path);
    expect(await sweepLeases(after)).toEqual({ swept: ["r1"], problems: [] });
    expect(after.calls).toEqual(["worktree /w/1", `branch whetstone/p ${SHA}`]);
    const again = sweeper(folder.path);
    expect(await sweepLeases(again)).toEqual({ swept: [], problems: [] });
    expect(again.calls).toEqual([]);
  });

  test("a process that got the number of a dead run does not keep its lease alive", async () => {
    await using folder = await temporaryFolder();
    await write(folder.path, dead("r1", { pid: process.pid, processStart: "1" }));
    await write(folder.path, dead("r2", { pid: process.pid, processStart: null }));
    const { swept } = await sweepLeases(sweeper(folder.path));
    // Without a start time only the number can tell, and it is in use.
    expect(swept).toEqual(["r1"]);
    expect(await readdir(folder.path)).toEqual(["r2.json"]);
  });

  test("without a start time a missing number means gone", async () => {
    await using folder = await temporaryFolder();
    await write(folder.path, dead("r1", { processStart: null }));
    expect((await sweepLeases(sweeper(folder.path))).swept).toEqual(["r1"]);
  });

  test("ends servers before it removes the worktrees they run in, and hits no stranger", async () => {
    await using folder = await temporaryFolder();
    const server = await start(`console.log("up"); process.stdin.resume();`);
    const pid = server.child.pid ?? 0;
    const lease = await openLease({ folder: folder.path, id: "own" });
    await lease.addProcess(pid);
    const [owned] = (await recordOf(folder.path, "own")).processes;
    await lease.release();
    const stranger = { pid: process.pid, start: "1" };
    const gone = { pid: 2 ** 22 + 2, start: "5" };
    await write(folder.path, dead("r1", { processes: [owned!, stranger, gone], worktrees: ["/w"] }));
    const options = sweeper(folder.path);
    await sweepLeases(options);
    expect(options.calls).toEqual([`kill ${pid}`, `kill ${gone.pid}`, "worktree /w"]);
    await server.end();
  });

  test("a process group that is gone already is no problem, any other failure to kill is", async () => {
    await using folder = await temporaryFolder();
    const gone = { pid: 2 ** 22 + 2, start: "5" };
    await write(folder.path, dead("r1", { processes: [gone] }));
    const kill = (code: string) => () => {
      throw Object.assign(new Error(code), { code });
    };
    const forbidden = await sweepLeases({ ...sweeper(folder.path), killProcessGroup: kill("EPERM") });
    expect(forbidden).toMatchObject({ swept: [], problems: [{ file: join(folder.path, "r1.json"), detail: "EPERM" }] });
    expect(await sweepLeases({ ...sweeper(folder.path), killProcessGroup: kill("ESRCH") })).toMatchObject({
      swept: ["r1"],
    });
  });

  test("what could not be given back stays leased and is named; the other leases are swept", async () => {
    await using folder = await temporaryFolder();
    await write(folder.path, dead("r1", { worktrees: ["/w/1"] }));
    await write(folder.path, dead("r2", { worktrees: ["/w/2"] }));
    const result = await sweepLeases(sweeper(folder.path, ["worktree /w/1"]));
    expect(result.swept).toEqual(["r2"]);
    expect(result.problems).toEqual([{ file: join(folder.path, "r1.json"), detail: "cannot worktree /w/1" }]);
    expect((await sweepLeases(sweeper(folder.path))).swept).toEqual(["r1"]);
  });

  test.each([
    ["half a file", '{"id":'],
    ["another shape", "{}"],
    ["an unknown field", JSON.stringify({ ...dead("r1"), more: 1 })],
  ])("an unreadable lease is reported and kept: %s", async (_name, text) => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "r1.json"), text);
    await write(folder.path, dead("r2"));
    const { swept, problems } = await sweepLeases(sweeper(folder.path));
    expect(swept).toEqual(["r2"]);
    expect(problems).toMatchObject([
      { file: join(folder.path, "r1.json"), detail: expect.stringContaining("r1.json") },
    ]);
    expect(await readdir(folder.path)).toEqual(["r1.json"]);
  });

  test("drafts of a write that was cut off are no leases", async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, ".r1.json.0.tmp"), "{");
    await writeFile(join(folder.path, ".hidden.json"), "{");
    expect(await sweepLeases(sweeper(folder.path))).toEqual({ swept: [], problems: [] });
  });

  test("two sweepers at once: each lease is given back, and counted by one of them", async () => {
    await using folder = await temporaryFolder();
    const ids = Array.from({ length: 20 }, (_, index) => `r${index + 10}`);
    for (const id of ids) await write(folder.path, dead(id, { worktrees: [`/w/${id}`] }));
    const both = [sweeper(folder.path), sweeper(folder.path)];
    const results = await Promise.all(both.map((options) => sweepLeases(options)));
    expect(results.flatMap(({ problems }) => problems)).toEqual([]);
    expect(results.flatMap(({ swept }) => swept).sort()).toEqual(ids);
    const removed = new Set(both.flatMap(({ calls }) => calls));
    expect([...removed].sort()).toEqual(ids.map((id) => `worktree /w/${id}`));
  });
});

test("a sweep takes the drafts of dead runs along, and leaves those that may still be in the making", async () => {
  await using folder = await temporaryFolder();
  const path = (name: string) => join(folder.path, name);
  const dead = {
    schema: "whetstone.lease/1",
    id: "dead",
    pid: 2 ** 22 - 1,
    processStart: "1",
    worktrees: [],
    branches: [],
    processes: [],
  };
  await writeFile(path("dead.json"), JSON.stringify(dead));
  for (const name of [".dead.json.1.tmp", ".fresh.json.2.tmp", ".old.json.3.tmp"]) await writeFile(path(name), "{");
  await utimes(path(".old.json.3.tmp"), 1, 1);
  const never = (): Promise<void> => Promise.reject(new Error("nothing to give back"));
  const { swept, problems } = await sweepLeases({
    folder: folder.path,
    removeWorktree: never,
    closeBranch: never,
    killProcessGroup: never,
  });
  expect([swept, problems, await readdir(folder.path)]).toEqual([["dead"], [], [".fresh.json.2.tmp"]]);
});
