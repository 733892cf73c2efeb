import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { openRun } from "../../src/loop/run.ts";
import { loopStages } from "../../src/loop/stages.ts";
import type { Evidence } from "../../src/model/finding.ts";
import { readLedger, verifyLedger } from "../../src/protect/ledger.ts";
import { memoryRunner } from "../../src/session/memory.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { proposal, session, validation } from "../propose/parts.ts";
import { leftovers, NOTHING } from "../support/leftovers.ts";
import { BETTER_WORK, sampleProject, type SampleProject } from "../support/sample-project.ts";
import { ACTOR, runOn, workspaceOf } from "./real-run.ts";

let project: SampleProject;
beforeEach(async () => {
  project = await sampleProject();
});
afterEach(() => project.remove());

const ledger = async () => {
  const view = await (await workspaceOf(project)).state.view();
  expect(await verifyLedger(view)).toMatchObject({ ok: true });
  return (await readLedger(view)).records.map(({ operation, reasonCode }) => `${operation} ${reasonCode}`);
};

describe("a run that fails", () => {
  test("after its proposal stood: the branch is taken back, the ledger says that there was no outcome", async () => {
    // The canary and everything before it work; the dossier cannot be written.
    await project.write(".whetstone/dossiers", "a file in the way");
    const recording = await project.session(BETTER_WORK);
    await expect(runOn(project, { recording })).rejects.toMatchObject({ code: "write_failed" });
    expect(await leftovers(project)).toEqual(NOTHING);
    expect(await ledger()).toEqual(["loop.start ok", "loop.end run_failed"]);
    const state = await (await workspaceOf(project)).state.view();
    expect(await state.list("outcomes")).toEqual([]);
  }, 180_000);

  test("in its first stage leaves no word in the ledger, for it did not start", async () => {
    await project.write("src/work.mjs", "changed");
    await expect(runOn(project, { mode: "analysis" })).rejects.toMatchObject({ code: "worktree_dirty" });
    expect(await ledger()).toEqual([]);
    expect(await leftovers(project)).toEqual(NOTHING);
  });

  test("in its server is ended in the ledger and gives its worktree back", async () => {
    await project.write("server.mjs", "process.exit(7);\n");
    project.commit("broken");
    await expect(runOn(project, { mode: "analysis" })).rejects.toMatchObject({ code: "server_start_failed" });
    expect(await ledger()).toEqual(["loop.start ok", "loop.end run_failed"]);
    expect(await leftovers(project)).toEqual(NOTHING);
  });

  test("in a dry run writes nothing to the ledger", async () => {
    await project.write("server.mjs", "process.exit(7);\n");
    project.commit("broken");
    const recording = await project.session(BETTER_WORK);
    await expect(runOn(project, { recording, dryRun: true })).rejects.toMatchObject({ code: "server_start_failed" });
    expect(project.git("for-each-ref", "refs/heads/whetstone")).toBe("");
  });
});

test("a run measures the commit, its rules included, and not what lies in the folder", async () => {
  await writeFile(join(project.root, "notes.txt"), "untracked, outside the source");
  await project.write("rules/broken.yaml", "no rule");
  const recording = await project.session(BETTER_WORK, { answer: undefined } as object);
  const { report } = await runOn(project, { recording });
  expect(report.stages.map(({ stage }) => stage)).toEqual(["gate", "capture", "analyze", "session", "record", "learn"]);
  project.git("add", "rules");
  project.git("commit", "-q", "-m", "a rule that is none");
  await expect(runOn(project, { recording })).rejects.toMatchObject({ code: "config_invalid" });
}, 180_000);

test("a stage that is asked before the one that it needs is a defect, whichever it is", async () => {
  const workspace = await workspaceOf(project);
  await using run = await openRun({ workspace, store: memoryStore(), actor: ACTOR, progress: () => undefined });
  const stages = loopStages(run, { runner: memoryRunner(() => session), record: false });
  const early: readonly (() => Promise<unknown>)[] = [
    stages.capture,
    stages.analyze,
    () => stages.session({} as Evidence),
    async () => stages.validate(proposal),
    () => stages.propose(proposal, validation),
    async () => stages.canary("/nowhere"),
    stages.withdraw,
    () => stages.record({ status: "no_change", reasons: ["ok"], stages: [] }),
  ];
  for (const stage of early) await expect(stage()).rejects.toMatchObject({ code: "defect" });
  expect(await leftovers(project)).toMatchObject({ worktrees: [], branches: [] });
});
