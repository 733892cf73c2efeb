import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openGitState } from "../../src/github/git-state.ts";
import { FindingKind } from "../../src/model/finding.ts";
import type { Rule } from "../../src/model/outcome.ts";
import { openDossier } from "../../src/protect/dossier.ts";
import { recompute } from "../../src/loop/replay.ts";
import { refuseSession } from "../../src/loop/admission.ts";
import { systemClock, type Workspace } from "../../src/wire.ts";
import { LearningSettings } from "../../src/config/learning.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import { manualClock } from "../../src/model/time.ts";
import { appendOutcome } from "../../src/protect/outcomes.ts";
import { outcome } from "../learn/outcomes.ts";
import { rule } from "../learn/rules.ts";
import { evidence } from "../propose/parts.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { sampleProject, type SampleProject } from "../support/sample-project.ts";
import { runOn } from "./real-run.ts";

describe("before a session", () => {
  /** A run at its session, after three changes for each kind of finding that were stopped. */
  async function arrived(rules: readonly Rule[] = []) {
    const folder = await temporaryFolder();
    await mkdir(join(folder.path, "rules"));
    for (const one of rules) await writeFile(join(folder.path, "rules", `${one.id}.yaml`), JSON.stringify(one));
    const state = openMemoryState();
    const clock = manualClock();
    for (const hour of [19, 20, 21]) {
      const change = { at: `2023-11-14T${hour}:00:00Z`, status: "rejected", reasons: ["check_failed"] } as const;
      const stopped = outcome({ ...change, reasons: [...change.reasons], findings: ["n_plus_one", "errors"] });
      await appendOutcome(state, { outcome: stopped, entries: [] }, clock);
    }
    const config = { learning: LearningSettings.parse({}) };
    const workspace = { state, clock, targetName: "notes", config } as unknown as Workspace;
    const files = new Map<string, string | Uint8Array>();
    const refuse = (kind: "claude" | "replay") =>
      refuseSession({ workspace, files }, { runner: { kind }, base: { worktree: folder.path }, evidence });
    return { refuse, files, clock, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
  }

  test("that would cost, kinds of findings rest; a recording costs nothing", async () => {
    await using at = await arrived();
    expect(await at.refuse("claude")).toMatchObject({
      verdict: "inconclusive",
      reasons: ["cooldown"],
      value: undefined,
    });
    expect(at.files.has("session/admission.json")).toBe(true);
    at.files.clear();
    expect(await at.refuse("replay")).toBeUndefined();
    at.clock.advance(24 * 3_600_000);
    expect(await at.refuse("claude")).toBeUndefined();
    expect(at.files.size).toBe(0);
  });

  test("of any kind, hard rules of the base commit are asked", async () => {
    await using at = await arrived([
      rule({ id: "hands-off", hard: { findings: ["n_plus_one", "errors"], paths: [] } }),
    ]);
    expect(await at.refuse("replay")).toMatchObject({ verdict: "fail", reasons: ["rule_forbids"] });
  });
});

describe("on a real project", () => {
  let project: SampleProject;
  beforeAll(async () => {
    project = await sampleProject();
  });
  afterAll(() => project.remove());
  const broken = "export function work() {\n  return 0;\n}\n";

  test("a change that was rejected is not tried again on the same commit, but on a new one; a constraint keeps it out", async () => {
    const recording = await project.session(broken);
    const first = await runOn(project, { recording });
    expect(first.report).toMatchObject({ status: "rejected", outcome: { validated: false } });
    const again = await runOn(project, { recording });
    expect(again.report).toMatchObject({
      status: "rejected",
      reasons: ["fingerprint_rejected", ...first.report.reasons],
    });
    expect(again.report.stages.some(({ stage }) => stage === "validate")).toBe(false);
    const dossier = await openDossier(again.report.dossier);
    expect(recompute(dossier).filter(({ equal }) => !equal)).toEqual([]);

    const constraint = rule({
      id: "hands-off",
      text: "Leave the work alone.",
      scope: { target: "sample", findings: ["errors"], paths: [] },
      hard: { findings: [], paths: ["src/work.mjs"] },
      expires: "2099-01-01T00:00:00.000Z",
    });
    await project.write("rules/hands-off.yaml", JSON.stringify(constraint));
    project.commit("constraint");
    const kept = await runOn(project, { recording });
    expect(kept.report).toMatchObject({ status: "rejected", reasons: ["rule_forbids"] });

    // Every kind that there is: on a loaded machine the last run may find another one than the first.
    const all = { ...constraint, hard: { findings: [...FindingKind.options], paths: [] } };
    await project.write("rules/hands-off.yaml", JSON.stringify(all));
    project.commit("all of it");
    const refused = await runOn(project, { recording });
    expect(refused.report).toMatchObject({ status: "rejected", reasons: ["rule_forbids"] });
    expect(refused.report.session).toBeUndefined();
    expect(recompute(await openDossier(refused.report.dossier)).filter(({ equal }) => !equal)).toEqual([]);
    const state = openGitState({ cwd: project.root, now: systemClock.now });
    expect((await (await state.view()).list("assignments/")).length).toBe(0);
  });
});
