import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { runLoop } from "../../src/flow.ts";
import { recompute } from "../../src/loop/replay.ts";
import { openRun } from "../../src/loop/run.ts";
import { loopStages } from "../../src/loop/stages.ts";
import { openDossier } from "../../src/protect/dossier.ts";
import { readLedger } from "../../src/protect/ledger.ts";
import type { SessionRunner } from "../../src/session/port.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { sampleProject, type SampleProject } from "../support/sample-project.ts";
import { ACTOR, workspaceOf } from "./real-run.ts";

let project: SampleProject;
beforeAll(async () => {
  project = await sampleProject();
});
afterAll(() => project.remove());

test("a run whose session cannot be paid for ends at its gate: nothing is measured, nobody is asked, all is on record", async () => {
  const workspace = await workspaceOf(project);
  await using run = await openRun({ workspace, store: memoryStore(), actor: ACTOR, progress: () => undefined });
  const asked: string[] = [];
  const runner: SessionRunner = {
    kind: "memory",
    run: () => Promise.reject(new Error("asked")),
    shortage: () => (asked.push("shortage"), Promise.resolve("Today's budget has $0 left.")),
  };
  const stages = loopStages(run, { runner, record: true });
  const observer = { started: () => undefined, ended: () => undefined };
  const report = await runLoop(stages, { observer, clock: workspace.clock });
  expect(report).toMatchObject({ status: "inconclusive", reasons: ["budget_exhausted"], outcome: { costUsd: 0 } });
  expect(report.stages.map(({ stage, verdict }) => [stage, verdict])).toEqual([
    ["gate", "inconclusive"],
    ["record", "pass"],
    ["learn", "pass"],
  ]);
  expect(asked).toEqual(["shortage"]);
  const { records } = await readLedger(await workspace.state.view());
  expect(records.at(-1)).toMatchObject({ operation: "loop.end", reasonCode: "budget_exhausted" });
  expect(recompute(await openDossier(report.dossier)).filter(({ equal }) => !equal)).toEqual([]);
});
