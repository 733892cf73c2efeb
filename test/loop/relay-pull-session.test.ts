import { describe, expect, test } from "@jest/globals";
import { openFlow } from "../../src/flow.ts";
import { judgeEvidence } from "../../src/loop/analyze.ts";
import { JOBS } from "../../src/loop/relay-jobs.ts";
import { PULL_PATCH } from "../../src/loop/relay-pull.ts";
import { assertGatesChange, pullSession } from "../../src/loop/relay-pull-session.ts";
import type { CallResult } from "../../src/model/call.ts";
import type { PullChange } from "../../src/model/pull-change.ts";
import type { Carried } from "../../src/loop/stages.ts";
import { manualClock } from "../../src/model/time.ts";
import { sha256 } from "../../src/protect/digest.ts";
import { evidence } from "../propose/parts.ts";

const PATCH = "diff --git a/src/a.ts b/src/a.ts\n--- a/src/a.ts\n+++ b/src/a.ts\n@@ -1 +1 @@\n-a\n+b\n";
const PULL: PullChange = {
  schema: "whetstone.pull-change/1",
  number: 7,
  headSha: "a".repeat(40),
  mergeBase: "b".repeat(40),
  patchDigest: sha256(PATCH),
  hypothesis: null,
  findings: [],
  at: "2026-11-20T10:00:00.000Z",
};

async function session(
  pull: PullChange,
  patch: string | undefined,
  tools: readonly string[] = ["read", "work", "work"],
) {
  const files = new Map<string, string | Uint8Array>(patch === undefined ? [] : [[PULL_PATCH, patch]]);
  const results = tools.map((tool) => ({ tool }) as unknown as CallResult);
  const carried: Carried = { captured: { results, loaded: [] } };
  const run = { files, dossierId: "d-1", workspace: { targetName: "notes" } } as never;
  const ended = await pullSession(run, { pull, baseSha: "b".repeat(40), evidence, carried });
  return { ended, files, carried };
}

describe("the session of a pull request", () => {
  test("makes the gate's change the proposal, in words of Whetstone alone", async () => {
    const { ended, files, carried } = await session(PULL, PATCH);
    expect(ended).toMatchObject({ verdict: "pass", value: { proposal: { patchDigest: PULL.patchDigest } } });
    expect(ended.value.record).toMatchObject({ model: "people", usage: { costUsd: 0 }, arms: [] });
    expect(ended.value.record.answer).toMatchObject({ title: "Pull request #7 at aaaaaaaaaaaa", rationale: "" });
    expect([...files.keys()].sort()).toEqual(["change.patch", "proposal.json", "session/record.json"]);
    expect(carried).toMatchObject({ replayed: false, decided: { dossier: "d-1" } });
  });

  test("claims nothing of its own: the tool called most is watched, or what is on record is claimed", async () => {
    const { ended } = await session(PULL, PATCH);
    expect(ended.value.record.answer?.hypothesis).toMatchObject({ operation: "work", expectedChange: 0 });
    const hypothesis = { metric: "p95_ms", operation: "read", direction: "decrease", expectedChange: -0.5 } as const;
    const claimed = await session({ ...PULL, hypothesis, findings: ["slow_operation"] }, PATCH);
    expect(claimed.ended.value.record.answer).toMatchObject({ hypothesis, findings: ["slow_operation"] });
  });

  test("takes no other change, and none where the gate's is missing", async () => {
    await expect(session(PULL, PATCH.replace("+b", "+c"))).rejects.toMatchObject({ code: "dossier_mismatch" });
    await expect(session(PULL, undefined)).rejects.toMatchObject({ code: "dossier_mismatch" });
  });

  test("later jobs take no other change either", () => {
    expect(() => assertGatesChange({ pull: PULL }, { patchDigest: "e".repeat(64) })).toThrow("the gate read");
    expect(() => assertGatesChange({ pull: PULL }, { patchDigest: PULL.patchDigest })).not.toThrow();
    expect(() => assertGatesChange({}, { patchDigest: "e".repeat(64) })).not.toThrow();
  });
});

test("the job that measures goes on for a pull request where nothing is found, and ends a run that searches", async () => {
  const healthy = { ...evidence, findings: [] };
  const stages = {
    capture: async () => ({ verdict: "pass", reasons: ["ok"], summary: "", value: undefined }),
    analyze: async () => ({ ...judgeEvidence(healthy), value: healthy }),
    mayGoOn: async () => undefined,
  };
  const ended = async (order: unknown) => {
    const observer = { started: () => undefined, ended: () => undefined };
    const flow = openFlow(stages, { observer, clock: manualClock() });
    await JOBS.evidence({ stages, flow, order } as never);
    return flow.results.at(-1);
  };
  expect(await ended({ pull: PULL })).toMatchObject({ stage: "analyze", verdict: "pass", reasons: ["ok"] });
  expect(await ended({})).toMatchObject({ stage: "analyze", verdict: "inconclusive", reasons: ["no_finding"] });
});

test("a server that nothing hurts ends a search for changes, not the proof of one", () => {
  const healthy = { ...evidence, findings: [] };
  expect(judgeEvidence(healthy)).toMatchObject({ verdict: "inconclusive", reasons: ["no_finding"] });
  expect(judgeEvidence(healthy, { isPull: true })).toMatchObject({ verdict: "pass", reasons: ["ok"] });
  expect(judgeEvidence(evidence, { isPull: true })).toEqual(judgeEvidence(evidence));
});
