import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { startRollout } from "../../../src/canary/rollout.ts";
import { adminServer } from "../../../src/capture/http/admin.ts";
import { DeploymentSettings } from "../../../src/config/deployment.ts";
import { configuredDeployment } from "../../../src/loop/rollout/deployment.ts";
import { planOf, waitOf } from "../../../src/loop/rollout/open.ts";
import { temporaryFolder } from "../../support/git-repository.ts";

const settings = (change: object = {}): DeploymentSettings =>
  DeploymentSettings.parse({ promote: "true", expose: "true", ...change });
const callOf = (chosen: DeploymentSettings, signal = new AbortController().signal) => ({
  rollout: startRollout(
    { id: "r1", target: "notes", candidate: "abc", plan: planOf(chosen) },
    "2026-11-20T10:00:00.000Z",
  ),
  signal,
});
const place = (cwd: string) => ({ cwd, env: { PATH: process.env["PATH"] ?? "" }, fetch });

describe("commands", () => {
  test("get what they need to know and say what they did", async () => {
    await using folder = await temporaryFolder();
    const chosen = settings({
      expose:
        'echo "$WHETSTONE_PERCENT $WHETSTONE_CANDIDATE $WHETSTONE_TARGET $WHETSTONE_ROLLOUT" > exposed; echo done',
      stage: "echo staged",
      check: "true",
    });
    const deployment = configuredDeployment(chosen, place(folder.path));
    expect(await deployment.expose(25, callOf(chosen))).toBe("done");
    expect(await readFile(join(folder.path, "exposed"), "utf8")).toBe("25 abc notes r1\n");
    expect(await deployment.stage(callOf(chosen))).toBe("staged");
    expect(await deployment.check(callOf(chosen))).toEqual({ ok: true, detail: "" });
    expect(await deployment.rollback(callOf(chosen))).toBe("");
  });

  test("that fail, reject with their last lines; checks that fail refuse", async () => {
    await using folder = await temporaryFolder();
    const chosen = settings({ stage: "true", check: "echo 2 of 9 specs; exit 1", promote: "echo no disk >&2; exit 7" });
    const deployment = configuredDeployment(chosen, place(folder.path));
    await expect(deployment.promote(callOf(chosen))).rejects.toThrow("exit 7: no disk");
    expect(await deployment.check(callOf(chosen))).toEqual({
      ok: false,
      reasons: ["check_failed"],
      detail: "2 of 9 specs",
    });
  });

  test("whose time is over have failed, and a check that was ended says nothing of the candidate", async () => {
    await using folder = await temporaryFolder();
    const chosen = settings({ stage: "true", check: "sleep 600", promote: "sleep 600" });
    const deployment = configuredDeployment(chosen, place(folder.path));
    const late = AbortSignal.abort();
    await expect(deployment.promote(callOf(chosen, late))).rejects.toMatchObject({ code: "prepare_failed" });
    await expect(deployment.check(callOf(chosen, late))).rejects.toMatchObject({ code: "prepare_failed" });
  });
});

describe("the proxy's split", () => {
  test("is told the share at its admin endpoint; a proxy without a canary refuses", async () => {
    const weight = { percent: 10 };
    const parts = { weight, isSplit: true, status: () => ({}) };
    const server = adminServer(parts).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const adminUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const chosen = settings({ adminUrl, expose: undefined });
      const deployment = configuredDeployment(chosen, place("."));
      expect(await deployment.expose(25, callOf(chosen))).toBe("25 % of new sessions");
      expect(weight.percent).toBe(25);
      expect(await deployment.expose(0, callOf(chosen))).toBe("0 % of new sessions");
      expect(weight.percent).toBe(0);
      parts.isSplit = false;
      await expect(deployment.expose(25, callOf(chosen))).rejects.toMatchObject({
        code: "api_failed",
        message: expect.stringContaining("409"),
      });
    } finally {
      server.close();
    }
  });
});

describe("settings", () => {
  test("have steps of 5, 25 and 50 %, and no staging without a command for it", () => {
    const plan = planOf(settings());
    expect(plan.steps).toEqual([5, 25, 50].map((percent) => ({ percent, minimumMs: 600_000 })));
    expect(plan).toMatchObject({ staging: null, deadlineMs: 86_400_000, atDeadline: "inconclusive", hookMs: 600_000 });
    expect(planOf(settings({ stage: "true", check: "true" })).staging).toEqual({ soakMs: 600_000 });
  });

  test("looks are close together right after a change of the share, and nowhere else", () => {
    const { rollout } = callOf(settings());
    const exposed = { ...rollout, phase: "exposure" as const };
    const sinceMs = Date.parse(rollout.since);
    expect(waitOf(exposed, settings(), sinceMs + 119_999)).toBe(5_000);
    expect(waitOf(exposed, settings(), sinceMs + 120_000)).toBe(60_000);
    expect(waitOf(exposed, settings({ lookSeconds: 1 }), sinceMs)).toBe(1_000);
    expect(waitOf({ ...rollout, phase: "staging_soak" }, settings(), sinceMs)).toBe(60_000);
  });

  test.each([
    ["no way to expose", { expose: undefined }],
    ["no way to promote", { promote: undefined }],
    ["two ways to expose", { adminUrl: "http://127.0.0.1:1/" }],
    ["staging that nothing checks", { stage: "true" }],
    ["shares that fall", { steps: [{ percent: 50 }, { percent: 5 }] }],
    ["all traffic as a step", { steps: [{ percent: 100 }] }],
    ["an unknown key", { promotes: "true" }],
  ])("refuse %s", (_, change) => {
    expect(DeploymentSettings.safeParse({ promote: "true", expose: "true", ...change }).success).toBe(false);
  });
});
