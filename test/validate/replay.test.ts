import { describe, expect, test } from "@jest/globals";
import type { CallResult } from "../../src/model/call.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import { replayCalls, type ReplayDeps } from "../../src/validate/replay.ts";

let stamp = 0;
function run(result: number): CallResult[] {
  stamp += 1;
  return [{ key: "s/1", tool: "t", status: "ok", durationMs: 1, result: { value: result, at: stamp } }];
}

function deps(extra: Partial<ReplayDeps>, played: string[] = []): ReplayDeps {
  return {
    play: (version) => {
      played.push(version);
      return Promise.resolve(run(1));
    },
    measure: () => [],
    rounds: 2,
    slowdown: 0.5,
    hypothesis: { metric: "p50_ms", operation: "t", direction: "decrease", expectedChange: -0.5 },
    reference: run(1),
    progress: () => undefined,
    ...extra,
  };
}

describe("replayCalls", () => {
  test("takes turns, so that a drift hits both versions alike", async () => {
    const played: string[] = [];
    const { results } = await replayCalls(deps({}, played));
    expect(played).toEqual(["before", "after", "after", "before"]);
    expect([results.before.length, results.after.length]).toEqual([2, 2]);
  });

  test("leaves out what varies by itself and finds what the change altered", async () => {
    const same = await replayCalls(deps({}));
    expect([same.noiseFields, same.differences]).toEqual([1, []]);
    const changed = await replayCalls(deps({ play: (version) => Promise.resolve(run(version === "before" ? 1 : 2)) }));
    expect(changed.differences.map(({ path }) => path)).toEqual(["$.value", "$.value"]);
  });

  test("a changed server that dies is evidence; an unchanged one that dies is an error", async () => {
    const dies = (which: string) => (version: string) =>
      version === which ? Promise.reject(new WhetstoneError("server_died", "it died")) : Promise.resolve(run(1));
    expect((await replayCalls(deps({ play: dies("after") }))).serverFailure).toBe("it died");
    await expect(replayCalls(deps({ play: dies("before") }))).rejects.toMatchObject({ code: "server_died" });
  });

  test("any other failure on the changed version is an error of the run", async () => {
    const full = () => Promise.reject(new WhetstoneError("store_write_failed", "disk full"));
    await expect(replayCalls(deps({ play: full }))).rejects.toMatchObject({ code: "store_write_failed" });
  });
});
