import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { AaHistory } from "../../src/canary/live-aa.ts";
import { ATTR, type Span } from "../../src/model/span.ts";
import { openStore } from "../../src/store/open.ts";
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
  expect(again.out).toContain("A/A on live arms, 1 periods: false rollbacks 0 %");
  expect(await repository.git("show", "whetstone/state:", "--")).toContain("canary-aa/");
  expect((await cli("--period", "1m")).err).toContain("is no length of a period");
  expect((await cli("--control", "x.csv")).code).toBe(2);
  expect((await cli("--since", "-3h", "--period", "2h", "--target", "other")).code).toBe(2);
});
