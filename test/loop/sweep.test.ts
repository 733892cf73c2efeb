import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { addWorktree } from "../../src/github/worktree.ts";
import { sweep } from "../../src/loop/sweep.ts";
import { openLease, type LeaseRecord } from "../../src/protect/lease.ts";
import { readLedger } from "../../src/protect/ledger.ts";
import type { Workspace } from "../../src/wire.ts";
import { leftovers, NOTHING } from "../support/leftovers.ts";
import { sampleProject, type SampleProject } from "../support/sample-project.ts";
import { ACTOR, workspaceOf } from "./real-run.ts";

const BRANCH = "whetstone/proposal/sample/0123456789ab";

let project: SampleProject;
let workspace: Workspace;
beforeEach(async () => {
  project = await sampleProject();
  workspace = await workspaceOf(project);
});
afterEach(() => project.remove());

const ledger = async () => (await readLedger(await workspace.state.view())).records;
const leaseFile = (id: string): string => join(workspace.folder, "leases", `${id}.json`);

/** The number of a process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn("true");
  await once(child, "exit");
  return child.pid ?? 0;
}

/** A process of its own group that works in the repository, as a check or a server of a run does. */
async function stubbornProcess(): Promise<{ pid: number; exited: Promise<unknown> }> {
  const child = spawn("sh", ["-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"], {
    cwd: project.root,
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const exited = once(child, "exit");
  await once(child.stdout, "data");
  return { pid: child.pid ?? 0, exited };
}

/** The lease of a run, as a run that was killed leaves it. */
async function leaveLease(id: string, owned: Partial<LeaseRecord> = {}): Promise<void> {
  const record = { schema: "whetstone.lease/1", id, pid: await endedProcess(), processStart: "1" };
  await mkdir(join(workspace.folder, "leases"), { recursive: true });
  const lease = { ...record, worktrees: [], branches: [], processes: [], ...owned };
  await writeFile(leaseFile(id), JSON.stringify(lease));
}

/** Everything that a run may hold when it is killed. */
async function killedRun(id: string) {
  const sha = project.git("rev-parse", "HEAD");
  const path = join(workspace.folder, "worktrees", `${id}-head`);
  await addWorktree({ root: project.root, path, sha });
  project.git("branch", BRANCH, sha);
  const draft = join(workspace.folder, "dossiers", `.draft-${id.replace("r-", "d-")}-uuid`);
  await mkdir(draft, { recursive: true });
  const { pid, exited } = await stubbornProcess();
  const start = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ")[19] ?? null;
  await leaveLease(id, { worktrees: [path], branches: [{ branch: BRANCH, sha }], processes: [{ pid, start }] });
  return { path, draft, pid, exited, sha };
}

describe("sweep", () => {
  test("finds nothing where no run was killed, and commits nothing", async () => {
    expect(await sweep(workspace, ACTOR)).toEqual([]);
    expect((await workspace.state.view()).head).toBeUndefined();
  });

  test("gives back all that a killed run held: worktree, branch, processes, half a dossier", async () => {
    const { exited } = await killedRun("r-killed");
    expect(await sweep(workspace, ACTOR)).toEqual([
      "recovered: removed what the interrupted run r-killed had left behind",
    ]);
    expect(await exited).toEqual([null, "SIGKILL"]);
    expect(await leftovers(project)).toEqual(NOTHING);
    expect(await ledger()).toMatchObject([
      { operation: "recover", reasonCode: "recovered", result: "removed", run: "r-killed", actor: ACTOR },
    ]);
  });

  test("leaves a run that lives alone, with all that it holds", async () => {
    const lease = await openLease({ folder: join(workspace.folder, "leases"), id: "r-live" });
    const path = join(workspace.folder, "worktrees", "r-live-base");
    await lease.addWorktree(path);
    await addWorktree({ root: project.root, path, sha: project.git("rev-parse", "HEAD") });
    const draft = join(workspace.folder, "dossiers", ".draft-d-live-uuid");
    await mkdir(draft, { recursive: true });
    await leaveLease("r-dead");
    expect(await sweep(workspace, ACTOR)).toHaveLength(1);
    expect([existsSync(path), existsSync(draft), existsSync(leaseFile("r-live"))]).toEqual([true, true, true]);
    expect(existsSync(leaseFile("r-dead"))).toBe(false);
  });

  test("keeps a branch that moved on since, and dossiers that are whole", async () => {
    const { sha } = await killedRun("r-killed");
    const whole = join(workspace.folder, "dossiers", "d-killed");
    await mkdir(whole);
    project.git("commit", "-q", "--allow-empty", "-m", "more");
    project.git("branch", "-f", BRANCH, "HEAD");
    await sweep(workspace, ACTOR);
    expect(project.git("rev-parse", BRANCH)).not.toBe(sha);
    expect(existsSync(whole)).toBe(true);
  });

  test("names a lease that it cannot read, and sweeps the others", async () => {
    await leaveLease("r-dead");
    await writeFile(leaseFile("r-bad"), "{");
    const lines = await sweep(workspace, ACTOR);
    expect(lines).toEqual([
      expect.stringContaining("recovered: removed what the interrupted run r-dead"),
      expect.stringMatching(/^warning: .*r-bad\.json could not be swept: .*not JSON/),
    ]);
    expect(existsSync(leaseFile("r-bad"))).toBe(true);
    expect((await ledger()).map(({ run }) => run)).toEqual(["r-dead"]);
  });

  test("twice at once, and once more: each run is recovered once", async () => {
    for (const id of ["r-1", "r-2", "r-3"]) await leaveLease(id);
    const lines = (await Promise.all([sweep(workspace, ACTOR), sweep(workspace, ACTOR)])).flat();
    expect(lines.toSorted().map((line) => /r-\d/.exec(line)?.[0])).toEqual(["r-1", "r-2", "r-3"]);
    expect(await sweep(workspace, ACTOR)).toEqual([]);
    expect((await ledger()).map(({ run }) => run).toSorted()).toEqual(["r-1", "r-2", "r-3"]);
  });
});
