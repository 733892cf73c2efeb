import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { AaHistory } from "../../src/canary/live-aa.ts";
import { startRollout } from "../../src/canary/rollout.ts";
import { RolloutStatus } from "../../src/canary/rollout-status.ts";
import { DeploymentSettings } from "../../src/config/deployment.ts";
import { openGitState } from "../../src/github/git-state.ts";
import { planOf } from "../../src/loop/rollout/open.ts";
import { stateRollouts } from "../../src/loop/rollout/records.ts";
import { ATTR, type Span } from "../../src/model/span.ts";
import { formatInstant } from "../../src/model/time.ts";
import { openStore } from "../../src/store/open.ts";
import { systemClock } from "../../src/wire.ts";
import { relayedCall } from "../capture/relayed.ts";
import { temporaryRepository } from "../support/git-repository.ts";
import { whetstone } from "../support/whetstone.ts";

const CONFIG = `version: 1
targets:
  notes:
    command: node server.mjs
    source: ["src/**"]
    workload: workload.json
`;

test("canary aa --live judges what is over, keeps it, and goes on there", async () => {
  await using repository = await temporaryRepository();
  await repository.git("config", "user.name", "t");
  await repository.git("config", "user.email", "t@t");
  await repository.commit({ "whetstone.yaml": CONFIG, ".gitignore": ".whetstone/\n" });
  const cli = (...args: string[]) => whetstone(["canary", "aa", "--live", "--once", ...args], { cwd: repository.root });
  // The period before the last whole one, so that it is over whenever this runs.
  const startMs = Math.floor(Date.now() / 3_600_000 - 2) * 3_600_000;
  {
    await using store = await openStore({ url: join(repository.root, ".whetstone/whetstone.db") });
    await store.append(
      Array.from({ length: 200 }, (_, i): Span => {
        const call = relayedCall(i + 1, {
          startNs: BigInt(startMs + i * 10_000) * 1_000_000n,
          durationNs: 10_000_000 + 1_000 * ((i * 7919) % 997),
          status: i % 40 < 2 ? "error" : "ok",
        });
        const resource = { ...call.resource, [ATTR.arm]: i % 2 === 0 ? "canary" : "baseline" };
        return { ...call, service: "notes", resource };
      }),
    );
  }
  const first = await cli("--since", "-3h", "--json");
  expect([first.code, first.err]).toEqual([0, ""]);
  const { history, rates } = JSON.parse(first.out) as { history: unknown; rates: unknown };
  const kept = AaHistory.parse(history);
  expect(kept.periods).toMatchObject([{ calls: { baseline: 100, canary: 100 }, equal: { rollback: null } }]);
  expect(kept.skipped.silent_arm).toBeGreaterThan(0);
  expect(rates).toMatchObject({ periods: 1, falseRollback: { promised: 0.05, measured: { count: 0 } } });
  const again = await cli("--since", "-3h");
  expect(again.out).toContain("A/A on live arms, 1 period: false rollbacks 0 %");
  const plan = planOf(DeploymentSettings.parse({ expose: "true", promote: "true" }));
  const begun = { id: "r-1", target: "notes", candidate: "a".repeat(40), plan };
  const state = openGitState({ cwd: repository.root, now: systemClock.now });
  await stateRollouts(state).save(startRollout(begun, formatInstant(systemClock.now())));
  const status = await whetstone(["canary", "status", "--json"], { cwd: repository.root });
  expect(RolloutStatus.parse(JSON.parse(status.out)).aa).toEqual(rates);
  const shown = await whetstone(["canary", "status"], { cwd: repository.root });
  expect(shown.out).toContain("A/A on live arms, 1 period: false rollbacks 0 %");
  expect(await repository.git("show", "whetstone/state:", "--")).toContain("canary-aa/");
  expect((await cli("--period", "1m")).err).toContain("is no length of a period");
  expect((await cli("--control", "x.csv")).code).toBe(2);
  expect((await cli("--since", "-3h", "--period", "2h", "--target", "other")).code).toBe(2);
});
