import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { BudgetSettings } from "../../src/config/budgets.ts";
import { LearningSettings } from "../../src/config/learning.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import { drawRules } from "../../src/loop/rules.ts";
import { rememberState } from "../../src/loop/relay-memory.ts";
import { orderedState, type RelayOrder } from "../../src/loop/relay-order.ts";
import { type RelayOutcome, settleOrder } from "../../src/loop/relay-settle.ts";
import type { LoopRun } from "../../src/loop/run.ts";
import { CommitSha } from "../../src/model/json.ts";
import { formatInstant, manualClock } from "../../src/model/time.ts";
import { readAssignments } from "../../src/protect/assignments.ts";
import { rule } from "../learn/rules.ts";
import { evidence } from "../propose/parts.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { ACTOR } from "./real-run.ts";

const NOW = formatInstant(manualClock().now());
const SHA = CommitSha.parse("a".repeat(40));

/** A run whose gate drew these rules: one that applies to what is then measured, one that does not. */
async function drawnAtGate() {
  const folder = await temporaryFolder();
  await mkdir(join(folder.path, "rules"));
  const applies = rule({ created: NOW });
  const other = rule({ id: "retry-less", created: NOW, scope: { ...applies.scope, findings: ["retry_storm"] } });
  for (const one of [applies, other]) {
    await writeFile(join(folder.path, "rules", `${one.id}.yaml`), JSON.stringify(one));
  }
  const state = openMemoryState();
  const config = { learning: LearningSettings.parse({}), budgets: BudgetSettings.parse({}) };
  const place = { root: folder.path, state, clock: manualClock(), config };
  const workspace = { ...place, target: { source: ["src/**"] }, targetName: "notes" };
  const run = { id: "r-1", actor: ACTOR, workspace } as unknown as LoopRun;
  const drawn = await drawRules(run, { worktree: folder.path, drawn: true });
  const order: RelayOrder = {
    schema: "whetstone.relay-order/1",
    run: run.id,
    target: "notes",
    baseSha: SHA,
    made: null,
    dryRun: false,
    asked: { mode: "refinement", session: { kind: "claude", budgetUsd: null }, question: null },
    budget: null,
    permission: null,
    state: await rememberState(state, "notes"),
  };
  const ended: RelayOutcome = {
    order,
    stages: [{ stage: "session" }],
    lost: undefined,
    spent: { usd: 0.1, tokens: 5 },
    evidence,
    refused: false,
  };
  const arms = async () => (await readAssignments(await state.view(), "notes")).flatMap((one) => one.arms);
  return { run, order, ended, arms, drawn, folder, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

test("before anything is measured every rule that may apply is drawn and on record", async () => {
  await using gate = await drawnAtGate();
  expect((await gate.arms()).map(({ rule: id, q }) => [id, q])).toEqual([
    ["batch-reads", 0.5],
    ["retry-less", 0.5],
  ]);
});

test("a job that cannot write shows the session what the gate drew, and of it only what applies", async () => {
  await using gate = await drawnAtGate();
  const workspace = { ...gate.run.workspace, state: orderedState(gate.order) };
  const seen = await drawRules({ ...gate.run, workspace }, { worktree: gate.folder.path, evidence, drawn: false });
  expect(seen.arms).toEqual(gate.drawn.arms.filter((arm) => arm.rule === "batch-reads"));
  expect(seen.rules.length).toBe(seen.arms.filter(({ assigned }) => assigned).length);
});

test("what had a part in the session stays on record; the rest says nothing of any rule", async () => {
  await using gate = await drawnAtGate();
  await settleOrder(gate.run, gate.ended);
  expect(await gate.arms()).toEqual(gate.drawn.arms.filter((arm) => arm.rule === "batch-reads"));
  await settleOrder(gate.run, gate.ended);
  expect(await gate.arms()).toHaveLength(1);
});

test("a session that was lost counts for the rules that it was to see", async () => {
  await using gate = await drawnAtGate();
  await settleOrder(gate.run, { ...gate.ended, stages: [], lost: "session", spent: undefined });
  expect((await gate.arms()).map((arm) => arm.rule)).toEqual(["batch-reads"]);
});

test.each([
  ["nothing was found", { stages: [{ stage: "gate" }, { stage: "analyze" }], spent: undefined }],
  ["an earlier job was lost", { stages: [{ stage: "gate" }], lost: "evidence", spent: undefined, evidence: undefined }],
  ["the session was refused", { refused: true }],
])("no rule had a part where %s", async (_why, change) => {
  await using gate = await drawnAtGate();
  await settleOrder(gate.run, { ...gate.ended, ...change });
  expect(await gate.arms()).toEqual([]);
});

test("a run that records nothing leaves the draw as it is", async () => {
  await using gate = await drawnAtGate();
  await settleOrder(gate.run, { ...gate.ended, order: { ...gate.order, dryRun: true } });
  expect(await gate.arms()).toHaveLength(2);
});
