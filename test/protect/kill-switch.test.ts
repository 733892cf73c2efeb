import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { openGitState } from "../../src/github/git-state.ts";
import type { StateStore } from "../../src/github/state-port.ts";
import { describeStop, isRunning, type StopState } from "../../src/model/stop.ts";
import { grantAuthorization } from "../../src/protect/authorization/grant.ts";
import { openGuard } from "../../src/protect/guard.ts";
import { type KillSwitch, openKillSwitch, stopSubject } from "../../src/protect/kill-switch.ts";
import { verifyLedger } from "../../src/protect/ledger.ts";
import { temporaryFolder, temporaryRepository } from "../support/git-repository.ts";
import {
  acts,
  ALICE,
  ask,
  filesOf,
  ID,
  keyOf,
  openDesk,
  publishKey,
  START_NS,
  type TestDesk,
} from "./authorization/desk.ts";
import { refusedFor } from "./authorization/refused-for.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let desk: TestDesk;
let killSwitch: KillSwitch;
beforeEach(async () => {
  folder = await temporaryFolder();
  desk = openDesk();
  killSwitch = over(desk.state);
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

const over = (state: StateStore): KillSwitch => openKillSwitch({ state, folder: folder.path, clock: desk.clock });
const local = (): string => join(folder.path, "stop.json");
const stop = (why: string | null = "drill") => killSwitch.stop({ by: ALICE, why });
const BROKEN: StateStore = {
  view: () => Promise.reject(new Error("no git")),
  update: () => Promise.reject(new Error("no git")),
};
const stoppedWith = (text: string) => ({
  code: "stopped",
  exitCode: 1,
  message: expect.stringContaining(text),
  remedy: expect.stringContaining("whetstone authorize request resume"),
  data: { reason: "disabled" },
});

/** A token for lifting the stop as it is now. */
async function resumeToken(id = ID): Promise<string> {
  await ask(desk, { id, subject: stopSubject(await killSwitch.look()), requestedBy: ALICE });
  const key = await publishKey(desk, { key: keyOf(1), owner: ALICE });
  return (await grantAuthorization(desk, { id, by: ALICE, key })).token;
}
const permit = async (token?: string) =>
  openGuard({ desk, killSwitch }).permit("resume", {
    actor: ALICE,
    target: "all",
    run: "r-1",
    subject: stopSubject(await killSwitch.look()),
    token,
  });

describe("stop", () => {
  test("sets both flags and is on record; everything asked from then on is refused with who and why", async () => {
    await killSwitch.assertRunning();
    expect(await stop()).toEqual({ local: "stopped", state: "stopped" });
    await expect(killSwitch.assertRunning()).rejects.toMatchObject(stoppedWith("stopped by alice"));
    await expect(killSwitch.assertRunning()).rejects.toMatchObject(stoppedWith("drill"));
    expect(await acts(desk.state)).toEqual(["stop allow disabled"]);
    expect(Object.keys(await filesOf(desk.state))).toEqual(["stop.json"]);
  });

  test("works without git: the local flag alone stops, and it says what it could not do", async () => {
    killSwitch = over(BROKEN);
    expect(await stop()).toEqual({ local: "stopped", state: { failed: "no git" } });
    expect(await readdir(folder.path)).toEqual(["stop.json"]);
    killSwitch = over(desk.state);
    await expect(killSwitch.assertRunning()).rejects.toMatchObject(stoppedWith("this machine"));
  });

  test("works without the disk: the flag of the state alone stops", async () => {
    await mkdir(local());
    expect(await stop()).toEqual({
      local: { failed: expect.stringContaining("could not be written") },
      state: "stopped",
    });
    await rm(local(), { recursive: true });
    await expect(killSwitch.assertRunning()).rejects.toMatchObject(stoppedWith("branch whetstone/state"));
  });

  test("works on a broken ledger, and says that it is not in there", async () => {
    await desk.state.update("tamper", async () => ({
      change: new Map([["ledger/2025-10.ndjson", "{}\n"]]),
      value: undefined,
    }));
    expect(await stop()).toEqual({ local: "stopped", state: "stopped, but not in the ledger" });
    await expect(killSwitch.assertRunning()).rejects.toMatchObject(stoppedWith("whetstone/state"));
  });

  test("again says the newer reason, which an older permission does not cover", async () => {
    await stop("first");
    const token = await resumeToken();
    await stop("second");
    await expect(permit(token)).rejects.toMatchObject(refusedFor("digest_mismatch"));
    await expect(killSwitch.assertRunning()).rejects.toMatchObject(stoppedWith("second"));
  });

  test("holds in a clone of the state, on a real repository", async () => {
    await using repository = await temporaryRepository();
    const state = openGitState({ cwd: repository.root, now: () => START_NS });
    expect(await over(state).stop({ by: ALICE, why: null })).toEqual({ local: "stopped", state: "stopped" });
    await rm(local());
    await expect(over(state).assertRunning()).rejects.toMatchObject(stoppedWith("branch whetstone/state"));
    expect(await verifyLedger(await state.view())).toMatchObject({ ok: true, records: 1 });
  });
});

describe("a flag that cannot be read counts as stopped", () => {
  test.each([
    ["empty", ""],
    ["no JSON", "{"],
    ["another schema", '{"schema":"whetstone.stop/2"}'],
    ["a record that says it is over", '{"stopped":false}'],
    ["null", "null"],
  ])("%s", async (_name, text) => {
    await writeFile(local(), text);
    await expect(killSwitch.assertRunning()).rejects.toMatchObject(stoppedWith("cannot be read"));
    await rm(local());
    await killSwitch.assertRunning();
    await desk.state.update("tamper", async () => ({ change: new Map([["stop.json", text]]), value: undefined }));
    await expect(killSwitch.assertRunning()).rejects.toMatchObject(stoppedWith("cannot be read"));
  });

  test("a folder in place of the file, and a state that cannot be read", async () => {
    await mkdir(local());
    await expect(killSwitch.assertRunning()).rejects.toMatchObject(
      stoppedWith("this machine: the flag cannot be read"),
    );
    await rm(local(), { recursive: true });
    await expect(over(BROKEN).assertRunning()).rejects.toMatchObject(stoppedWith("no git"));
  });
});

describe("resume", () => {
  test("with a permission lifts both flags, once, and both are on record", async () => {
    await stop();
    await killSwitch.lift(await permit(await resumeToken()));
    await killSwitch.assertRunning();
    expect(await readdir(folder.path)).toEqual([]);
    expect((await acts(desk.state)).slice(-2)).toEqual(["resume allow ok", "stop.lift allow ok"]);
    expect((await verifyLedger(await desk.state.view())).ok).toBe(true);
  });

  test("without one is refused, the refusal is on record, and all stays stopped", async () => {
    await stop();
    await expect(permit()).rejects.toMatchObject(refusedFor("authorization_missing"));
    await expect(permit("wha1.x.y")).rejects.toMatchObject(refusedFor("token_malformed"));
    expect((await acts(desk.state)).slice(-2)).toEqual([
      "resume deny authorization_missing",
      "resume deny token_malformed",
    ]);
    await expect(killSwitch.assertRunning()).rejects.toMatchObject(stoppedWith("drill"));
  });

  test("takes a permit of the guard, of that operation, and each but once", async () => {
    await stop();
    const forged = { operation: "resume", target: "all", actor: ALICE } as const;
    await expect(killSwitch.lift(forged)).rejects.toMatchObject({ code: "defect" });
    const real = await permit(await resumeToken());
    await expect(killSwitch.lift({ ...real })).rejects.toMatchObject({ code: "defect" });
    await killSwitch.lift(real);
    await stop();
    await expect(killSwitch.lift(real)).rejects.toMatchObject({ code: "defect" });
    await expect(killSwitch.assertRunning()).rejects.toMatchObject(stoppedWith("drill"));
  });

  test("lifts a flag that stands on this machine alone", async () => {
    await writeFile(local(), "damaged");
    await killSwitch.lift(await permit(await resumeToken()));
    await killSwitch.assertRunning();
  });
});

describe("what a stop is called", () => {
  const record = { schema: "whetstone.stop/1", by: ALICE, at: "2025-10-09T08:53:20.000Z", why: null } as const;
  const RUNNING: StopState = { local: { kind: "running" }, state: { kind: "running" } };

  test("nothing while all is running", () => {
    expect([isRunning(RUNNING), describeStop(RUNNING)]).toEqual([true, undefined]);
  });

  test.each(["local", "state"] as const)("the %s flag alone is enough", (where) => {
    for (const flag of [{ kind: "stopped", record } as const, { kind: "unreadable", detail: "x" } as const]) {
      const state = { ...RUNNING, [where]: flag };
      expect(isRunning(state)).toBe(false);
      expect(describeStop(state)).toMatch(
        where === "local" ? /^this machine: [^;]+$/ : /^branch whetstone\/state: [^;]+$/,
      );
    }
  });
});
