import { cp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parseEnv } from "../../src/config/env.ts";
import type { Watcher } from "../../src/loop/execute.ts";
import { runRelayJob } from "../../src/loop/relay.ts";
import type { Asked } from "../../src/loop/relay-order.ts";
import type { RelayEnd, RelayRequest } from "../../src/loop/relay-request.ts";
import type { RelayJob } from "../../src/loop/relay-jobs.ts";
import { readDay } from "../../src/session/budget/desk.ts";
import { readLedger } from "../../src/protect/ledger.ts";
import type { Workspace } from "../../src/wire.ts";
import { sampleProject, type SampleProject } from "../support/sample-project.ts";
import { workspaceOf } from "./real-run.ts";

const watcher: Watcher = { observer: { started: () => {}, ended: () => {} }, progress: () => {}, note: () => {} };
const LOOK: Asked = { mode: "analysis", session: { kind: "claude", budgetUsd: 0.4 }, question: "Why?" };
const WORKFLOW = { id: 17, attempt: 1 };

let project: SampleProject;
let workspace: Workspace;
let copies = 0;

beforeAll(async () => {
  project = await sampleProject();
  const config = await readFile(join(project.root, "whetstone.yaml"), "utf8");
  const much = "{ usd: 100, tokens: 90000000 }";
  await project.write("whetstone.yaml", `${config}budgets: { day: ${much}, target: ${much} }\n`);
  project.commit("money for many sessions");
  workspace = await workspaceOf(project);
});
afterAll(() => project.remove());

/** Runs a job as a machine of its own would. */
async function job(name: RelayJob, before?: RelayEnd, more: Partial<RelayRequest> = {}): Promise<RelayEnd> {
  const end = await runRelayJob(
    {
      job: name,
      places: { cwd: project.root },
      env: parseEnv({ PATH: process.env["PATH"] ?? "" }),
      actor: { type: "workflow", id: "octo/notes/actions/runs/17 by ada" },
      startedBy: ["ada"],
      workflow: WORKFLOW,
      target: undefined,
      dryRun: false,
      variables: {},
      ...(["evidence", "session"].includes(name) ? { stopped: false } : {}),
      ...(before ? { earlier: { path: before.path, digest: before.digest }, order: orders.get(before.run) } : {}),
      ...more,
    },
    watcher,
  );
  if (end.order !== undefined) orders.set(end.run, end.order);
  if (name === "record") return end;
  copies += 1;
  const path = join(project.root, "..", "artifacts", String(copies));
  await cp(end.path, path, { recursive: true });
  await rm(join(project.root, ".whetstone", "relay"), { recursive: true });
  return { ...end, path };
}

/** What the gate of each run announced. */
const orders = new Map<string, string | undefined>();

/** What was set aside for a run, and what became of it. */
async function reservation(run: string) {
  const view = await workspace.state.view();
  const days = (await view.list("budgets/")).map((path) => path.slice("budgets/".length, -".json".length));
  const all = await Promise.all(days.map((day) => readDay(view, day)));
  return all.flatMap(({ reservations }) => reservations).find(({ id }) => id === run);
}

const operations = async (run: string): Promise<readonly string[]> => {
  const { records } = await readLedger(await workspace.state.view());
  return records.filter((record) => record.run === run).map(({ operation, result }) => `${operation} ${result}`);
};

describe("what the gate sets aside", () => {
  test("is free again, at nothing, when no session began", async () => {
    const gate = await job("gate", undefined, { asked: LOOK });
    expect(gate.last.summary).toContain("analysis by Claude Code for at most $0.4");
    expect(await reservation(gate.run)).toMatchObject({ reserved: { usd: 0.4 } });
    const evidence = await job("evidence", gate);
    const end = await job("record", evidence);
    // It was asked for: without it the run did nothing, and is not green.
    expect(end.report).toMatchObject({ status: "inconclusive", reasons: ["run_failed"] });
    expect(await reservation(gate.run)).toMatchObject({ settled: { spent: { usd: 0, tokens: 0 }, basis: "measured" } });
  });

  test("counts in full when the job with the session was lost, once", async () => {
    const gate = await job("gate", undefined, { asked: LOOK });
    const evidence = await job("evidence", gate);
    const lost = { job: "session", result: "cancelled" };
    const end = await job("record", evidence, { lost });
    expect(end.report).toMatchObject({ status: "inconclusive", reasons: ["run_failed"] });
    const settled = await reservation(gate.run);
    expect(settled).toMatchObject({ settled: { spent: { usd: 0.4 }, basis: "unknown" } });
    await job("record", evidence, { lost }).catch(() => undefined);
    expect(await reservation(gate.run)).toEqual(settled);
  });

  test("is free again when the job before the session was lost", async () => {
    const gate = await job("gate", undefined, { asked: LOOK });
    await job("record", gate, { lost: { job: "evidence", result: "failure" } });
    expect(await reservation(gate.run)).toMatchObject({ settled: { spent: { usd: 0 }, basis: "measured" } });
  });

  test("a session that could not start costs nothing, and why is what is recorded", async () => {
    const gate = await job("gate", undefined, { asked: LOOK });
    const evidence = await job("evidence", gate);
    const session = await job("session", evidence, { variables: {} });
    expect(session).toMatchObject({ go: false, last: { verdict: "inconclusive", reasons: ["run_failed"] } });
    expect(session.last.summary).toContain("No ANTHROPIC_API_KEY is set");
    const end = await job("record", session);
    expect(end.report?.stages.find(({ stage }) => stage === "session")?.summary).toContain("No ANTHROPIC_API_KEY");
    expect(await reservation(gate.run)).toMatchObject({ settled: { spent: { usd: 0 }, basis: "measured" } });
  });

  test("lets no second session through: a job that is run again by itself asks nobody", async () => {
    const gate = await job("gate", undefined, { asked: LOOK });
    const evidence = await job("evidence", gate);
    const again = job("session", evidence, { workflow: { id: 17, attempt: 2 } });
    await expect(again).rejects.toMatchObject({ code: "dossier_mismatch" });
  });
});

describe("what the gate refuses", () => {
  test("a refinement without a permission: nothing stays set aside, and the end is on record", async () => {
    const asked: Asked = { ...LOOK, mode: "refinement" };
    const before = new Set((await readLedger(await workspace.state.view())).records.map((record) => record.run));
    await expect(job("gate", undefined, { asked, authorization: "wha1.forged" })).rejects.toMatchObject({
      code: "unauthorized",
      data: { reason: "token_malformed" },
    });
    const { records } = await readLedger(await workspace.state.view());
    const run = records.map((record) => record.run).find((id) => id.startsWith("r-") && !before.has(id)) ?? "";
    expect(await operations(run)).toEqual(["loop.start started", "session.refine refused", "loop.end no outcome"]);
    expect(await reservation(run)).toMatchObject({ settled: { spent: { usd: 0 } } });
  });

  test("a refinement without any token, by the reason that says so", async () => {
    const asked: Asked = { ...LOOK, mode: "refinement" };
    await expect(job("gate", undefined, { asked })).rejects.toMatchObject({
      code: "unauthorized",
      data: { reason: "authorization_missing" },
    });
  });

  test("what the budget of the day has no room for, before anything is measured", async () => {
    const gate = await job("gate", undefined, { asked: { ...LOOK, session: { kind: "claude", budgetUsd: 400 } } });
    expect(gate).toMatchObject({ go: false, last: { verdict: "inconclusive", reasons: ["budget_exhausted"] } });
    expect(await reservation(gate.run)).toBeUndefined();
    const end = await job("record", gate);
    expect(end.report).toMatchObject({ status: "inconclusive", reasons: ["budget_exhausted"] });
  });

  test("a recording that is not there, before anything is on record", async () => {
    const before = (await workspace.state.view()).head;
    const asked: Asked = { mode: "refinement", session: { kind: "replay", file: "missing.json" }, question: null };
    await expect(job("gate", undefined, { asked })).rejects.toMatchObject({ code: "session_invalid" });
    expect((await workspace.state.view()).head).toBe(before);
  });
});

test("the kill switch, set while a run is under way, ends it at the next job; nothing is spent", async () => {
  const gate = await job("gate", undefined, { asked: LOOK });
  const evidence = await job("evidence", gate);
  const session = await job("session", evidence, { stopped: true, variables: { ANTHROPIC_API_KEY: "sk-ant-none" } });
  expect(session).toMatchObject({ go: false, last: { verdict: "inconclusive", reasons: ["disabled"] } });
  const end = await job("record", session);
  expect(end.report).toMatchObject({ status: "inconclusive", reasons: ["disabled"] });
  expect(await reservation(gate.run)).toMatchObject({ settled: { spent: { usd: 0 }, basis: "measured" } });
});

test("a job in whose workflow nobody looked at the kill switch does nothing", async () => {
  const gate = await job("gate", undefined, { asked: LOOK });
  const evidence = await job("evidence", gate, { stopped: undefined });
  expect(evidence).toMatchObject({ go: false, last: { verdict: "inconclusive", reasons: ["disabled"] } });
  await job("record", evidence);
});

test("a job is refused with another order than the gate's, and so is the record", async () => {
  const gate = await job("gate", undefined, { asked: LOOK });
  for (const order of [undefined, "0".repeat(64), gate.digest]) {
    await expect(job("evidence", gate, { order })).rejects.toMatchObject({ code: "dossier_mismatch" });
    await expect(job("record", gate, { order })).rejects.toMatchObject({ code: "dossier_mismatch" });
  }
  expect((await reservation(gate.run))?.settled).toBeUndefined();
});
