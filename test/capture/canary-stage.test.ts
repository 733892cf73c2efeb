import { describe, expect, test } from "@jest/globals";
import { canaryStage, withFailure, type CanaryDeps } from "../../src/capture/canary-stage.ts";
import type { Arm, CallSample } from "../../src/model/call.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import { CanaryVerdict } from "../../src/model/verdict.ts";
import { createRandom } from "../../src/stats/random.ts";

function verdictOf(
  verdict: CanaryVerdict["verdict"],
  reasons: CanaryVerdict["reasons"] = ["undecided"],
): CanaryVerdict {
  return {
    schema: "whetstone.canary/1",
    verdict,
    reasons,
    metrics: [],
    errorRates: { rollback: 0.05, promotion: 0.05 },
    calls: { control: 0, experiment: 0 },
  };
}

type Frozen = { readonly limitMs: number };

function sample(arm: Arm, session: string): CallSample {
  return { timestamp: 0, operation: "t", durationMs: 3, error: false, arm, session };
}

/** One call a session; the judge decides after `decideAfter` calls. */
function setup(end: CanaryVerdict, change: Partial<CanaryDeps<Frozen>> = {}) {
  const played: string[] = [];
  const judged: { calls: number; options: Frozen }[] = [];
  const frozen: (readonly CallSample[])[] = [];
  const dossier = new Map<string, string | Uint8Array>();
  const deps: CanaryDeps<Frozen> = {
    sessions: ["a", "b", "c"].map((id) => ({ id, calls: [{ tool: "t", arguments: {} }] })),
    weight: 0.5,
    maxSessions: 8,
    minimumSessions: 1,
    alpha: 0.05,
    random: createRandom("canary").uniform,
    warmUp: 2,
    play: async (arm, session) => {
      played.push(`${arm} ${session.id}`);
      return [sample(arm, session.id)];
    },
    freeze: (baseline) => {
      frozen.push(baseline);
      return { limitMs: baseline.length };
    },
    judge: (samples, options) => {
      judged.push({ calls: samples.length, options });
      return samples.length >= 4 ? end : verdictOf("continue");
    },
    dossier,
    progress: () => undefined,
    ...change,
  };
  return { deps, played, judged, frozen, dossier };
}

const json = (dossier: ReadonlyMap<string, string | Uint8Array>, path: string): unknown =>
  JSON.parse(String(dossier.get(path)));

describe("canaryStage", () => {
  test("warms the baseline up alone, freezes the limits once, and judges with them", async () => {
    const { deps, played, judged, frozen } = setup(verdictOf("promote", ["errors_within_margin"]));
    await canaryStage(deps);
    expect(played.slice(0, 2)).toEqual(["baseline a#warm-up", "baseline b#warm-up"]);
    expect(played.slice(2).some((session) => session.includes("warm-up"))).toBe(false);
    expect(frozen).toEqual([[sample("baseline", "a#warm-up"), sample("baseline", "b#warm-up")]]);
    expect(judged.map(({ calls }) => calls)).toEqual([0, 2, 4]);
    expect(judged.every(({ options }) => options.limitMs === 2)).toBe(true);
  });

  test("the warm-up is not judged", async () => {
    const { deps, dossier } = setup(verdictOf("promote"));
    await canaryStage(deps);
    const samples = json(dossier, "canary/samples.json") as CallSample[];
    expect(samples).toHaveLength(4);
    expect(samples.filter(({ session }) => session.includes("warm-up"))).toEqual([]);
  });

  test.each([
    ["promote", ["latency_within_margin"], "pass", ["latency_within_margin"]],
    ["rollback", ["errors_increased"], "fail", ["errors_increased"]],
    ["continue", ["undecided"], "inconclusive", ["deadline_reached", "undecided"]],
  ] as const)("%s because of %j ends the stage with %s", async (verdict, reasons, ...[ends, told]) => {
    const { deps } = setup(verdictOf(verdict, [...reasons]));
    const stage = await canaryStage(deps);
    expect(stage).toMatchObject({ verdict: ends, reasons: told, value: { verdict } });
    const sessions = verdict === "continue" ? "8 calls in 4 + 4 sessions" : "4 calls in 2 + 2 sessions";
    expect(stage.summary).toContain(sessions);
  });

  test("leaves options, samples and verdict in the dossier", async () => {
    const { deps, dossier } = setup(verdictOf("promote"));
    const stage = await canaryStage(deps);
    expect([...dossier.keys()]).toEqual(["canary/options.json", "canary/samples.json", "canary/verdict.json"]);
    expect(json(dossier, "canary/options.json")).toEqual({ limitMs: 2 });
    expect(CanaryVerdict.parse(json(dossier, "canary/verdict.json"))).toEqual(stage.value);
  });

  test("a canary whose server dies is rolled back, whatever the judge would say, and the dossier says why", async () => {
    const play: CanaryDeps<Frozen>["play"] = async (arm, session) => {
      if (arm === "canary") throw new WhetstoneError("server_died", "it crashed");
      return [sample(arm, session.id)];
    };
    const { deps, dossier } = setup(verdictOf("promote"), { play });
    const stage = await canaryStage(deps);
    expect(stage).toMatchObject({ verdict: "fail", reasons: ["server_failed"], value: { verdict: "rollback" } });
    expect(dossier.get("canary/failure.txt")).toBe("it crashed\n");
    expect(json(dossier, "canary/verdict.json")).toEqual(stage.value);
  });

  test("a baseline that fails in the warm-up is an error, once the session beside it has ended too", async () => {
    let ended = false;
    let end = (): void => undefined;
    const slow = new Promise<CallSample[]>((resolve) => {
      end = () => {
        ended = true;
        resolve([]);
      };
    });
    const play: CanaryDeps<Frozen>["play"] = (_arm, session) =>
      session.id === "a#warm-up" ? Promise.reject(new WhetstoneError("server_died", "baseline died")) : slow;
    const { deps, dossier } = setup(verdictOf("promote"), { play });
    const stage = canaryStage(deps).catch((error: unknown) => ({ error, ended }));
    // Everything that a stage that does not wait would do has happened by then.
    await new Promise((later) => setImmediate(later));
    end();
    expect(await stage).toMatchObject({ error: { code: "server_died" }, ended: true });
    expect(dossier.size).toBe(0);
  });

  test("a workload with fewer sessions than the warm-up plays those it has", async () => {
    const { deps, played } = setup(verdictOf("promote"), { warmUp: 10 });
    await canaryStage(deps);
    expect(played.filter((session) => session.includes("warm-up"))).toHaveLength(3);
  });
});

test("withFailure changes verdict and reasons of a failed canary only", () => {
  const verdict = verdictOf("promote", ["errors_within_margin"]);
  expect(withFailure({ verdict })).toBe(verdict);
  expect(withFailure({ verdict, canaryFailure: "" })).toEqual(verdictOf("rollback", ["server_failed"]));
});
