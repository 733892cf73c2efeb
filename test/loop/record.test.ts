import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { Decision } from "../../src/flow.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import type { StateStore } from "../../src/github/state-port.ts";
import { record, recordFailure } from "../../src/loop/record.ts";
import type { StageResult } from "../../src/model/dossier.ts";
import { Outcome } from "../../src/model/outcome.ts";
import { manualClock } from "../../src/model/time.ts";
import { digestOf } from "../../src/protect/digest.ts";
import { openDossier } from "../../src/protect/dossier.ts";
import { readLedger, verifyLedger } from "../../src/protect/ledger.ts";
import { readOutcomes } from "../../src/protect/outcomes.ts";
import type { Workspace } from "../../src/wire.ts";
import { proposal, session, validation } from "../propose/parts.ts";
import type { Hosted } from "../../src/wire.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { ACTOR } from "./real-run.ts";

const BRANCH = "whetstone/proposal/notes/ffffffffffff";

function stage(name: string, verdict = "pass"): StageResult {
  return { stage: name, verdict, reasons: [verdict === "pass" ? "ok" : "check_failed"], durationMs: 1, summary: name };
}

const promoted: Decision = {
  status: "promoted",
  reasons: ["errors_within_margin"],
  stages: ["gate", "capture", "analyze", "session", "validate", "propose", "canary"].map((name) => stage(name)),
  session,
  proposal,
  validation,
  branch: BRANCH,
};
const looked: Decision = { status: "no_change", reasons: ["dry_run"], stages: [stage("gate"), stage("analyze")] };

/** A run that has come to its end, over a memory state. */
async function ending(state: StateStore = openMemoryState()) {
  const folder = await temporaryFolder();
  const run = {
    id: "r-20261120T100000Z-abc",
    dossierId: "d-20261120T100000Z-abc",
    actor: ACTOR,
    files: new Map<string, string | Uint8Array>([["evidence/evidence.json", "{}"]]),
    workspace: { folder: folder.path, targetName: "notes", clock: manualClock(), state } as unknown as Workspace,
  };
  const options = { record: true, baseSha: "a".repeat(40) };
  return { folder: folder.path, run, state, options, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const ledger = async (state: StateStore) => (await readLedger(await state.view())).records;

describe("the end of a run", () => {
  test("is a dossier on disk and one commit of outcome, session, manifest and ledger", async () => {
    await using end = await ending();
    const result = await record(end.run, promoted, end.options);
    expect(result).toMatchObject({ verdict: "pass", reasons: ["recorded"], summary: "outcome promoted in the ledger" });
    const { manifest, text } = await openDossier(result.value.dossier);
    expect(text("evidence/evidence.json")).toBe("{}");
    expect(manifest).toMatchObject({
      id: end.run.dossierId,
      run: end.run.id,
      target: "notes",
      baseSha: "a".repeat(40),
      recorded: ["session/record.json"],
      verdict: "promoted",
      reasons: ["errors_within_margin"],
      stages: promoted.stages,
    });
    const view = await end.state.view();
    expect(await view.list("")).toEqual([
      `dossiers/${end.run.dossierId}/manifest.json`,
      "ledger-tip.json",
      "ledger/2023-11.ndjson",
      "outcomes/o-20261120T100000Z-abc.json",
      `sessions/${end.run.id}.json`,
    ]);
    expect(JSON.parse((await view.read(`dossiers/${end.run.dossierId}/manifest.json`)) ?? "")).toEqual(manifest);
  });

  test("has an outcome with what was proposed, measured and paid", async () => {
    await using end = await ending();
    const { outcome } = (await record(end.run, promoted, end.options)).value;
    expect(Outcome.parse(outcome)).toMatchObject({
      id: "o-20261120T100000Z-abc",
      at: "2023-11-14T22:13:20.000Z",
      proposal: "p-1",
      session: "s-1",
      fingerprint: proposal.fingerprint,
      findings: ["n_plus_one"],
      paths: ["src/a.ts"],
      effects: validation.effects,
      costUsd: 0.125,
      validated: true,
      change: "rewrite",
    });
    expect(await readOutcomes(await end.state.view(), "notes")).toEqual([outcome]);
    const { manifest } = await openDossier(join(end.folder, "dossiers", end.run.dossierId));
    expect(outcome.dossier).toBe(manifest.digest);
  });

  test("has an outcome also when nothing was proposed", async () => {
    await using end = await ending();
    const { outcome } = (await record(end.run, looked, end.options)).value;
    expect(Outcome.parse(outcome)).toMatchObject({
      proposal: "none",
      session: "none",
      fingerprint: "0".repeat(64),
      findings: [],
      paths: [],
      effects: [],
      costUsd: 0,
    });
    expect([outcome.validated, outcome.change]).toEqual([undefined, undefined]);
    expect(await (await end.state.view()).list("sessions")).toEqual([]);
    expect((await openDossier(join(end.folder, "dossiers", end.run.dossierId))).manifest.recorded).toEqual([]);
  });

  test("names no path of a patch that cannot be read, and both sides of those that can", async () => {
    await using end = await ending();
    const patched = (patch: string): Decision => ({
      ...promoted,
      proposal: { ...proposal, answer: { ...proposal.answer, patch } },
    });
    const dry = { ...end.options, record: false };
    expect((await record(end.run, patched("nonsense"), dry)).value.outcome.paths).toEqual([]);
    const deleted = `diff --git a/src/b.ts b/src/b.ts\ndeleted file mode 100644\n--- a/src/b.ts\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n`;
    const other = { ...end.run, dossierId: "d-2" };
    expect((await record(other, patched(deleted), dry)).value.outcome.paths).toEqual(["src/b.ts"]);
  });

  test("without recording writes the dossier only", async () => {
    await using end = await ending();
    const result = await record(end.run, looked, { ...end.options, record: false });
    expect(result).toMatchObject({ reasons: ["dry_run"], summary: "dossier written, nothing recorded" });
    expect(await readdir(join(end.folder, "dossiers"))).toEqual([end.run.dossierId]);
    expect((await end.state.view()).head).toBeUndefined();
  });
});

describe("the ledger of a run", () => {
  test("has an entry for each deciding stage and one for the end", async () => {
    await using end = await ending();
    await record(end.run, promoted, end.options);
    const records = await ledger(end.state);
    expect(records.map(({ operation, decision, result }) => [operation, decision, result])).toEqual([
      ["validate", "allow", "pass"],
      ["propose", "allow", "pass"],
      ["canary", "allow", "pass"],
      ["loop.end", "none", "promoted"],
    ]);
    expect(new Set(records.map(({ run }) => run))).toEqual(new Set([end.run.id]));
    const patch = digestOf({ patch: proposal.patchDigest });
    expect(records.slice(0, 3).map(({ parametersDigest }) => parametersDigest)).toEqual([patch, patch, patch]);
    expect(await verifyLedger(await end.state.view())).toMatchObject({ ok: true });
  });

  test("says how a branch is undone, and only where there is one", async () => {
    await using end = await ending();
    await record(end.run, promoted, end.options);
    expect((await ledger(end.state)).map(({ rollback }) => rollback)).toEqual([
      undefined,
      `git branch -D ${BRANCH}`,
      undefined,
      undefined,
    ]);
    await using hosted = await ending();
    const workspace = { ...hosted.run.workspace, hosted: {} as Hosted };
    await record({ ...hosted.run, workspace }, promoted, hosted.options);
    const [, proposed] = await ledger(hosted.state);
    expect(proposed?.rollback).toBe(`gh pr close ${BRANCH} --delete-branch`);
    await using refused = await ending();
    const { branch: _branch, ...without } = promoted;
    const stages = [stage("validate"), stage("propose", "fail")];
    await record(refused.run, { ...without, stages, status: "rejected" }, refused.options);
    expect((await ledger(refused.state)).map(({ decision, rollback }) => [decision, rollback])).toEqual([
      ["allow", undefined],
      ["deny", undefined],
      ["none", undefined],
    ]);
  });

  test("denies what did not pass, with its reason", async () => {
    await using end = await ending();
    const stages = [stage("gate"), stage("validate", "fail")];
    await record(end.run, { ...looked, status: "rejected", reasons: ["check_failed"], stages }, end.options);
    expect(await ledger(end.state)).toMatchObject([
      { operation: "validate", decision: "deny", reasonCode: "check_failed", result: "fail" },
      { operation: "loop.end", reasonCode: "check_failed", result: "rejected" },
    ]);
  });

  test("ends a run that failed before it had an outcome", async () => {
    await using end = await ending();
    await recordFailure(end.run);
    expect(await ledger(end.state)).toMatchObject([
      { operation: "loop.end", decision: "none", reasonCode: "run_failed", result: "no outcome", run: end.run.id },
    ]);
    expect(await (await end.state.view()).list("outcomes")).toEqual([]);
  });
});

describe("what goes wrong", () => {
  test("a dossier that cannot be written: nothing is recorded", async () => {
    await using end = await ending();
    await writeFile(join(end.folder, "dossiers"), "in the way");
    await expect(record(end.run, promoted, end.options)).rejects.toMatchObject({ code: "write_failed" });
    expect((await end.state.view()).head).toBeUndefined();
  });

  test("a dossier of that id: it stays, and nothing is recorded", async () => {
    await using end = await ending();
    const before = join(end.folder, "dossiers", end.run.dossierId);
    await mkdir(before, { recursive: true });
    await writeFile(join(before, "old"), "");
    await expect(record(end.run, promoted, end.options)).rejects.toMatchObject({ code: "write_failed" });
    expect(await readdir(before)).toEqual(["old"]);
    expect((await end.state.view()).head).toBeUndefined();
  });

  test("a state that cannot be written: the error is told, the dossier is whole", async () => {
    const broken: StateStore = { ...openMemoryState(), update: () => Promise.reject(new Error("no room")) };
    await using end = await ending(broken);
    await expect(record(end.run, promoted, end.options)).rejects.toThrow("no room");
    expect((await openDossier(join(end.folder, "dossiers", end.run.dossierId))).manifest.verdict).toBe("promoted");
  });

  test("a deciding stage without a reason is a defect, not an entry", async () => {
    await using end = await ending();
    const stages = [{ ...stage("validate"), reasons: [] }];
    await expect(record(end.run, { ...promoted, stages }, end.options)).rejects.toMatchObject({ code: "defect" });
    expect((await end.state.view()).head).toBeUndefined();
  });
});
