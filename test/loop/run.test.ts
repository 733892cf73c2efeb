import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { dossierIdOf, ledgerEntry, openRun, readWorkload, type LoopRun } from "../../src/loop/run.ts";
import { LedgerEntry } from "../../src/model/ledger.ts";
import { ATTR, type Span } from "../../src/model/span.ts";
import { digestOf } from "../../src/protect/digest.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Workspace } from "../../src/wire.ts";
import { leftovers, NOTHING } from "../support/leftovers.ts";
import { sampleProject, type SampleProject } from "../support/sample-project.ts";
import { ACTOR, workspaceOf } from "./real-run.ts";

let project: SampleProject;
let workspace: Workspace;
beforeEach(async () => {
  project = await sampleProject();
  workspace = await workspaceOf(project);
});
afterEach(() => project.remove());

const open = (store = memoryStore()): Promise<LoopRun> =>
  openRun({ workspace, store, actor: ACTOR, progress: () => undefined });
const leases = () => readdir(join(workspace.folder, "leases")).catch(() => []);

describe("a run", () => {
  test("holds a lease while it lives, and has a dossier of its name", async () => {
    const run = await open();
    expect(await leases()).toEqual([`${run.id}.json`]);
    expect(run.dossierId).toBe(dossierIdOf(run.id));
    expect([run.id.slice(0, 2), run.dossierId.slice(0, 2)]).toEqual(["r-", "d-"]);
    expect(run.workload.sessions.map(({ id }) => id)).toEqual(["one", "two"]);
    await run[Symbol.asyncDispose]();
    expect(await leases()).toEqual([]);
  });

  test("starts with nothing when its workload cannot be read", async () => {
    await project.write("workload.json", '{"schema":"whetstone.workload/1"}');
    await expect(open()).rejects.toMatchObject({ code: "workload_invalid" });
    expect(existsSync(workspace.folder)).toBe(false);
  });

  test("starts with nothing when its lease cannot be written", async () => {
    await project.write(".whetstone/leases", "a file in the way");
    await expect(open()).rejects.toMatchObject({ code: "write_failed" });
  });

  test("takes its worktrees along when it ends, changed ones too", async () => {
    const sha = project.git("rev-parse", "HEAD");
    const run = await open();
    const [base, head] = [await run.worktree("base", sha), await run.worktree("head", sha)];
    await writeFile(join(head, "src/work.mjs"), "changed");
    await writeFile(join(head, "new.txt"), "new");
    expect([base.endsWith("-base"), head.endsWith("-head")]).toEqual([true, true]);
    expect((await leftovers(project)).worktrees).not.toEqual([]);
    await run[Symbol.asyncDispose]();
    expect(await leftovers(project)).toEqual(NOTHING);
    expect(project.git("status", "--porcelain")).toBe("");
  });

  test("leaves nothing of a worktree that could not be made", async () => {
    const run = await open();
    await expect(run.worktree("base", "0".repeat(40))).rejects.toMatchObject({ code: "git_failed" });
    await run[Symbol.asyncDispose]();
    expect(await leftovers(project)).toEqual(NOTHING);
  });

  test("releases in reverse order, and the lease at last", async () => {
    const released: string[] = [];
    const run = await open();
    run.defer(async () => void released.push(`first, leases ${(await leases()).length}`));
    run.defer(async () => void released.push("last"));
    await run[Symbol.asyncDispose]();
    expect(released).toEqual(["last", "first, leases 1"]);
    expect(await leases()).toEqual([]);
  });

  test("releases also past what cannot be released, and keeps the lease then: a later run sweeps the rest", async () => {
    const released: string[] = [];
    const run = await open();
    run.defer(async () => void released.push(`first, leases ${(await leases()).length}`));
    run.defer(() => Promise.reject(new Error("stuck")));
    run.defer(async () => void released.push("last"));
    await expect(run[Symbol.asyncDispose]()).rejects.toThrow("stuck");
    expect(released).toEqual(["last", "first, leases 1"]);
    expect(await leases()).toEqual([`${run.id}.json`]);
  });

  test("plays a session on one version: results in order, spans in the store and with the caller, named as the run's", async () => {
    const store = memoryStore();
    await using run = await open(store);
    const cwd = await run.worktree("base", project.git("rev-parse", "HEAD"));
    const seen: Span[] = [];
    const [session] = run.workload.sessions;
    const calls = (session?.calls ?? []).slice(0, 3);
    const results = await run.play({
      session: { id: "one", calls },
      arm: "canary",
      cwd,
      concurrency: 1,
      collect: (spans) => void seen.push(...spans),
    });
    expect(results.map(({ key, tool, status }) => [key, tool, status])).toEqual(
      calls.map(({ tool }, index) => [`one/${index + 1}`, tool, "ok"]),
    );
    const stored: Span[] = [];
    for await (const batch of store.spans({ attributes: { [ATTR.run]: run.id } })) stored.push(...batch);
    expect(stored.length).toBeGreaterThanOrEqual(calls.length);
    expect(new Set(stored.map(({ spanId }) => spanId))).toEqual(new Set(seen.map(({ spanId }) => spanId)));
    expect(new Set(stored.map(({ resource }) => resource[ATTR.arm]))).toEqual(new Set(["canary"]));
  });
});

describe("readWorkload", () => {
  test("reads the recorded calls", async () => {
    const { sessions } = await readWorkload(join(project.root, "workload.json"));
    expect(sessions.map(({ calls }) => calls.length)).toEqual([13, 13]);
  });

  test.each([
    ["nothing", ""],
    ["half a file", '{"schema": "whetstone.workload/1", "ses'],
    ["no session", '{"schema":"whetstone.workload/1","description":"","sessions":[]}'],
    [
      "a session without calls",
      '{"schema":"whetstone.workload/1","description":"","sessions":[{"id":"a","calls":[]}]}',
    ],
    ["another schema", '{"schema":"whetstone.workload/2","description":"","sessions":[]}'],
  ])("refuses %s", async (_name, text) => {
    await project.write("workload.json", text);
    await expect(readWorkload(join(project.root, "workload.json"))).rejects.toMatchObject({
      code: "workload_invalid",
      message: expect.stringContaining("workload.json"),
    });
  });
});

test("a ledger entry digests the parameters and does not keep them", () => {
  const parameters = { token: "secret", n: 1 };
  const act = { operation: "test", decision: "allow", reasonCode: "ok", result: "done" } as const;
  const entry = ledgerEntry({ id: "r-1", actor: ACTOR, workspace }, { ...act, parameters });
  expect(LedgerEntry.parse(entry)).toEqual({
    ...act,
    actor: ACTOR,
    target: "sample",
    run: "r-1",
    parametersDigest: digestOf(parameters),
  });
  expect(JSON.stringify(entry)).not.toContain("secret");
  const undo = ledgerEntry({ id: "r-1", actor: ACTOR, workspace }, { ...act, parameters, rollback: "git revert" });
  expect(undo.rollback).toBe("git revert");
});
