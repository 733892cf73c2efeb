import type { CanaryOptions } from "../../canary/options.ts";
import type { Rollout } from "../../canary/rollout-record.ts";
import { FREEZE_MS, judgeWindow } from "../../canary/window.ts";
import type { CanarySettings } from "../../config/schema.ts";
import type { CallSample } from "../../model/call.ts";
import type { Clock } from "../../model/time.ts";
import type { CanaryVerdict } from "../../model/verdict.ts";
import type { SpanStore } from "../../store/port.ts";
import { callsIn } from "./calls.ts";
import type { RolloutLook } from "./port.ts";

/** Where the calls are, and by what they are judged. */
export type RolloutJudge = {
  readonly spans: Pick<SpanStore, "spans">;
  readonly settings: CanarySettings;
  readonly clock: Clock;
  /** What the A/A on the target's arms found broken. */
  readonly knownDrift?: CanaryOptions["knownDrift"];
};

/**
 * Judges all calls since the first step. The share changes from step to step and whole sessions are routed, so the
 * judge goes by the shares that came about. Slow is what was slow to the baseline in the hour before.
 */
export async function judgeRollout(rollout: Rollout, judge: RolloutJudge): Promise<RolloutLook> {
  const { verdict, samples } = await lookAtRollout(rollout, judge);
  const changedMs = Date.parse(rollout.changes.at(-1) ?? rollout.since);
  const stepCalls = samples.filter(({ arm, timestamp }) => arm === "canary" && timestamp >= changedMs).length;
  return { verdict: { verdict: verdict.verdict, reasons: verdict.reasons }, stepCalls };
}

/** The verdict in full, with its numbers and its forecast, and the calls that it is about. */
export async function lookAtRollout(
  rollout: Rollout,
  judge: RolloutJudge,
): Promise<{ readonly verdict: CanaryVerdict; readonly samples: readonly CallSample[] }> {
  const startedMs = Date.parse(rollout.exposedSince ?? rollout.since);
  const nowMs = Number(judge.clock.now() / 1_000_000n);
  const { spans, settings } = judge;
  const { target } = rollout;
  const before = (await callsIn({ spans, target, from: startedMs - FREEZE_MS, to: startedMs })).samples;
  const { samples } = await callsIn({ spans, target, from: startedMs, to: nowMs + 1 });
  const changesMs = rollout.changes.map((at) => Date.parse(at));
  const { knownDrift } = judge;
  const look = { weight: null, changesMs, startedMs, nowMs, ...(knownDrift !== undefined && { knownDrift }) };
  return { verdict: judgeWindow({ before, calls: samples, settings, look }), samples };
}
