import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { parseEnv } from "../../src/config/env.ts";
import { executeLoop } from "../../src/loop/execute.ts";
import { recompute } from "../../src/loop/replay.ts";
import { openDossier } from "../../src/protect/dossier.ts";
import { readLedger } from "../../src/protect/ledger.ts";
import { BETTER_WORK, sampleProject, type SampleProject } from "../support/sample-project.ts";
import { ACTOR, forgeInMemory, workspaceOf } from "./real-run.ts";

let project: SampleProject;
beforeEach(async () => {
  project = await sampleProject();
});
afterEach(() => project.remove());

const flag = (): string => join(project.root, ".whetstone", "stop.json");
function set(): void {
  mkdirSync(join(project.root, ".whetstone"), { recursive: true });
  writeFileSync(flag(), "set by hand");
}

/** A run during which the flag is set as soon as a stage starts or has ended. */
async function run({ ended, started }: { readonly ended?: string; readonly started?: string }) {
  const observer = {
    started: (stage: string) => (stage === started ? set() : undefined),
    ended: ({ stage }: { readonly stage: string }) => (stage === ended ? set() : undefined),
  };
  const recording = await project.session(BETTER_WORK);
  return await executeLoop(
    {
      places: { cwd: project.root },
      env: parseEnv(process.env),
      actor: ACTOR,
      target: undefined,
      mode: "refinement",
      recording,
      dryRun: false,
    },
    { observer, progress: () => undefined, note: () => undefined },
  );
}

const acts = async (): Promise<string[]> => {
  const { records } = await readLedger(await (await workspaceOf(project)).state.view());
  return records.map(({ operation, decision, reasonCode }) => `${operation} ${decision} ${reasonCode}`);
};
const branches = (): string =>
  execFileSync("git", ["branch", "--list", "whetstone/proposal/*"], { cwd: project.root, encoding: "utf8" });

describe("a stop", () => {
  test("before the gate refuses the run; the refusal is all that is on record, and without the flag it runs", async () => {
    set();
    await expect(run({})).rejects.toMatchObject({ code: "stopped", exitCode: 1, data: { reason: "disabled" } });
    expect(await acts()).toEqual(["loop.start deny disabled"]);
    rmSync(flag());
    const { report } = await run({ ended: "capture" });
    expect(report.stages.map(({ stage }) => stage)).toEqual(["gate", "capture", "analyze", "record", "learn"]);
  });

  test("in the middle of a run ends it inconclusive, with its record and without a rule", async () => {
    const { report } = await run({ ended: "gate" });
    expect(report).toMatchObject({
      status: "inconclusive",
      reasons: ["disabled"],
      outcome: { status: "inconclusive" },
    });
    expect(await acts()).toEqual(["loop.start allow ok", "loop.end none disabled"]);
    expect(report.explanation).toEqual([]);
  });

  test.each(["gate", "analyze", "session"])("after %s leaves a dossier that recomputes to the same", async (ended) => {
    const { report } = await run({ ended });
    expect(report.reasons).toEqual(["disabled"]);
    const checks = recompute(await openDossier(report.dossier));
    expect(checks.filter(({ equal }) => !equal)).toEqual([]);
    expect(checks.length).toBeGreaterThan(0);
  });

  test("cannot be claimed for a stage that left its result, nor in the middle of a run", async () => {
    const { report } = await run({ ended: "session" });
    const { manifest } = await openDossier(report.dossier);
    const held = manifest.stages.at(-1);
    if (held === undefined) throw new Error("The run has no stage.");
    const claims = [
      manifest.stages
        .filter(({ stage }) => stage !== held.stage)
        .map((one) => (one.stage === "session" ? { ...held, stage: "session" } : one)),
      manifest.stages.map((one) => (one.stage === "gate" ? { ...held, stage: "canary" } : one)),
    ];
    for (const stages of claims) {
      const forged = await forgeInMemory(report.dossier, { manifest: { stages } });
      expect(
        recompute(forged)
          .filter(({ equal }) => !equal)
          .map(({ name }) => name),
      ).toEqual(["loop"]);
    }
  });

  test("between validation and the branch: no branch is written", async () => {
    const { report } = await run({ ended: "validate" });
    expect(report).toMatchObject({ status: "inconclusive", reasons: ["disabled"] });
    expect(recompute(await openDossier(report.dossier)).filter(({ equal }) => !equal)).toEqual([]);
    expect(branches()).toBe("");
    expect(await acts()).toContain("propose deny disabled");
  });

  test("after the stage was let through, right before the branch is written: none is written either", async () => {
    const workspace = await workspaceOf(project);
    const { sha } = await workspace.forge.head();
    await workspace.killSwitch.assertRunning();
    set();
    const proposal = { branch: "whetstone/proposal/sample/x", baseSha: sha, patch: "", title: "t", body: "b" };
    await expect(workspace.forge.openProposal(proposal)).rejects.toMatchObject({ code: "stopped" });
    expect(branches()).toBe("");
    expect(await acts()).toEqual(["proposal.open deny disabled"]);
  });
});
