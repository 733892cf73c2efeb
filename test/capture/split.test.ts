import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { blockOf, splitTraffic, type SplitDeps } from "../../src/capture/split.ts";
import type { Arm, CallSample } from "../../src/model/call.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import type { CanaryVerdict } from "../../src/model/verdict.ts";
import { createRandom } from "../../src/stats/random.ts";

const undecided = { verdict: "continue", reasons: ["undecided"] } as unknown as CanaryVerdict;
const rollback = { verdict: "rollback", reasons: ["errors_increased"] } as unknown as CanaryVerdict;

function sample(arm: Arm, session: string): CallSample {
  return { timestamp: 0, operation: "t", durationMs: 1, error: false, arm, session };
}

function deps(extra: Partial<SplitDeps>): SplitDeps {
  const call = { tool: "t", arguments: {} };
  return {
    sessions: [
      { id: "a", calls: [call] },
      { id: "b", calls: [call] },
    ],
    weight: 0.5,
    maxSessions: 20,
    minimumSessions: 1,
    alpha: 0.05,
    random: createRandom("split").uniform,
    play: (arm, session) => Promise.resolve([sample(arm, session.id)]),
    judge: () => undecided,
    progress: () => undefined,
    ...extra,
  };
}

describe("blockOf", () => {
  test("has the weight exactly, for weights of whole percents, and each arm at least once", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), (percent) => {
        const block = blockOf(percent / 100);
        const canaries = block.filter((arm) => arm === "canary").length;
        expect(canaries / block.length).toBeCloseTo(percent / 100, 9);
        expect(canaries).toBeGreaterThan(0);
        expect(canaries).toBeLessThan(block.length);
      }),
    );
  });

  test("is as small as it can be", () => {
    expect([blockOf(0.5).length, blockOf(0.25).length, blockOf(0.1).length, blockOf(1e-9).length]).toEqual([
      2, 4, 10, 100,
    ]);
  });
});

describe("splitTraffic", () => {
  test("both arms play every recorded session in the ratio of the weight", async () => {
    const seen: string[] = [];
    await splitTraffic(
      deps({
        weight: 0.25,
        maxSessions: 16,
        play: (arm, session) => {
          seen.push(`${session.id.split("#")[0]} ${arm}`);
          return Promise.resolve([]);
        },
      }),
    );
    const counts = Object.fromEntries([...Map.groupBy(seen, (key) => key)].map(([key, list]) => [key, list.length]));
    expect(counts).toEqual({ "a canary": 2, "a baseline": 6, "b canary": 2, "b baseline": 6 });
  });

  test("the order within a block is random, sessions have names of their own", async () => {
    const orders = new Set<string>();
    const ids = new Set<string>();
    const { samples } = await splitTraffic(deps({ maxSessions: 60 }));
    for (let at = 0; at < samples.length; at += 2) orders.add(`${samples[at]?.arm} ${samples[at + 1]?.arm}`);
    for (const { session } of samples) ids.add(session);
    expect([...orders].sort()).toEqual(["baseline canary", "canary baseline"]);
    expect(ids.size).toBe(60);
  });

  test("ends at the first decision, after a whole block", async () => {
    const result = await splitTraffic(deps({ judge: (samples) => (samples.length >= 5 ? rollback : undecided) }));
    expect([result.verdict.verdict, result.samples.length, result.sessions]).toEqual([
      "rollback",
      6,
      { baseline: 3, canary: 3 },
    ]);
  });

  test("asks nobody before both arms have their minimum of sessions", async () => {
    const asked: number[] = [];
    const judge = (samples: readonly CallSample[]): CanaryVerdict => {
      asked.push(samples.length);
      return samples.length > 0 ? rollback : undecided;
    };
    const { sessions } = await splitTraffic(deps({ minimumSessions: 4, judge }));
    expect([sessions, asked]).toEqual([{ baseline: 4, canary: 4 }, [0, 8]]);
  });

  test("never plays more than it may, and stays undecided then", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 40 }),
        fc.constantFrom(0.5, 0.25, 0.1),
        async (maxSessions, weight) => {
          const { sessions, verdict } = await splitTraffic(deps({ maxSessions, weight }));
          expect(sessions.baseline + sessions.canary).toBeLessThanOrEqual(maxSessions);
          expect(verdict.verdict).toBe("continue");
        },
      ),
    );
  });

  test("a canary whose server fails ends it; a baseline that fails, and any other error, is thrown", async () => {
    const fails = (which: Arm, code: "server_died" | "store_write_failed") =>
      deps({
        play: (arm, session) =>
          arm === which
            ? Promise.reject(new WhetstoneError(code, `${arm} failed`))
            : Promise.resolve([sample(arm, session.id)]),
      });
    const ended = await splitTraffic(fails("canary", "server_died"));
    expect([ended.canaryFailure, ended.samples.length]).toEqual(["canary failed", 1]);
    await expect(splitTraffic(fails("baseline", "server_died"))).rejects.toThrow("baseline failed");
    await expect(splitTraffic(fails("canary", "store_write_failed"))).rejects.toMatchObject({
      code: "store_write_failed",
    });
  });
});
