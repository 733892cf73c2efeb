import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { parseEnv } from "../../src/config/env.ts";
import { executeSession, type SessionOrder } from "../../src/loop/run-session.ts";
import { readSessions } from "../../src/protect/outcomes.ts";
import { readLedger } from "../../src/protect/ledger.ts";
import { BETTER_WORK, sampleProject, type SampleProject } from "../support/sample-project.ts";
import { ACTOR, workspaceOf } from "./real-run.ts";

let project: SampleProject;
beforeEach(async () => {
  project = await sampleProject();
});
afterEach(() => project.remove());

const flag = (): string => join(project.root, ".whetstone", "stop.json");
function stop(): void {
  mkdirSync(join(project.root, ".whetstone"), { recursive: true });
  writeFileSync(flag(), "set by hand");
}

/** A session by hand on a recording; something happens when a stage has started or ended. */
async function run(
  change: Partial<SessionOrder> = {},
  on: { readonly started?: string; readonly ended?: string } = {},
) {
  const recording = await project.session(BETTER_WORK);
  const order: SessionOrder = {
    places: { cwd: project.root },
    env: parseEnv(process.env),
    actor: ACTOR,
    target: undefined,
    mode: "refinement",
    source: { recording },
    dryRun: false,
    ...change,
  };
  const observer = {
    started: (stage: string) => (stage === on.started ? stop() : undefined),
    ended: ({ stage }: { readonly stage: string }) => (stage === on.ended ? stop() : undefined),
  };
  return await executeSession(order, { observer, progress: () => undefined, note: () => undefined });
}

const state = async () => (await workspaceOf(project)).state.view();
const acts = async (): Promise<string[]> => {
  const { records } = await readLedger(await state());
  return records.map(({ operation, decision, reasonCode }) => `${operation} ${decision} ${reasonCode}`);
};

describe("a session by hand", () => {
  test("has one start and one end on record, and its answer", async () => {
    const { verdict, stages, proposal } = await run();
    expect(verdict).toBe("pass");
    expect(stages.map(({ stage }) => stage)).toEqual(["gate", "evidence", "session", "record"]);
    expect(proposal?.target).toBe("sample");
    expect(await acts()).toEqual(["session.start allow ok", "session.end none ok"]);
  });

  test("that cannot write its files after it was recorded has that one end all the same", async () => {
    const ended = run({}, { started: "record" });
    // A file where the folder of the sessions is to be.
    mkdirSync(join(project.root, ".whetstone"), { recursive: true });
    writeFileSync(join(project.root, ".whetstone", "sessions"), "in the way");
    await expect(ended).rejects.toThrow();
    expect(await acts()).toEqual(["session.start allow ok", "session.end none ok"]);
    expect(await readSessions(await state(), "sample")).toHaveLength(1);
  });

  test("that is refused by the kill switch has that on record, and no end", async () => {
    stop();
    await expect(run()).rejects.toMatchObject({ code: "stopped" });
    expect(await acts()).toEqual(["session.start deny disabled"]);
    await expect(run({ dryRun: true })).rejects.toMatchObject({ code: "stopped" });
    expect(await acts()).toHaveLength(1);
    rmSync(flag());
  });

  test.each(["gate", "evidence"])("that is stopped after %s ends inconclusive and was not started", async (ended) => {
    const { verdict, reasons, record } = await run({}, { ended });
    expect([verdict, reasons, record]).toEqual(["inconclusive", ["disabled"], undefined]);
    expect(await acts()).toEqual(["session.start allow ok", "session.end none disabled"]);
  });

  test("that answered is on record although it was stopped meanwhile", async () => {
    const { verdict, record } = await run({}, { ended: "session" });
    expect([verdict, record?.partial]).toEqual(["pass", false]);
    expect(await acts()).toEqual(["session.start allow ok", "session.end none ok"]);
  });

  test("a dry run asks nobody and writes nothing to the ledger", async () => {
    const { reasons, stages } = await run({ dryRun: true });
    expect([reasons, stages.map(({ stage }) => stage)]).toEqual([["dry_run"], ["gate", "evidence", "session"]]);
    expect(await acts()).toEqual([]);
  });

  test("that does not pass its gate leaves nothing on record", async () => {
    writeFileSync(join(project.root, "src", "work.js"), "// changed\n");
    await expect(run()).rejects.toMatchObject({ code: "worktree_dirty" });
    expect(await acts()).toEqual([]);
  });
});
