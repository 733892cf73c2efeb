import type { CanarySettings } from "../config/schema.ts";
import type { CallSample } from "../model/call.ts";
import type { CanaryVerdict } from "../model/verdict.ts";
import { judgeCanary } from "./judge.ts";
import type { CanaryOptions } from "./options.ts";
import { slowLimits } from "./slow-limits.ts";

/** How long before a canary its baseline's limits are taken from, ms. */
export const FREEZE_MS = 3_600_000;

/** Calls in the time that a target's canary was watched, and what they are judged by. */
export type CanaryWindow = {
  /** Calls of the time before, {@link FREEZE_MS} of it: slow is what was slow to the baseline then. */
  readonly before: readonly CallSample[];
  readonly calls: readonly CallSample[];
  readonly settings: CanarySettings;
  /** What is particular to this canary, such as its share, its begin and the time of the look. */
  readonly look: Pick<CanaryOptions, "weight" | "changesMs" | "startedMs" | "nowMs" | "minimumCalls" | "knownDrift">;
};

/** The options that calls behind a target's split are judged by, frozen from the time before. */
export function windowOptions({ before, settings }: Pick<CanaryWindow, "before" | "settings">): CanaryLimitsOf {
  const baseline = before.filter(({ arm }) => arm === "baseline");
  return limitOptions(settings, baseline.length === 0 ? undefined : slowLimits(baseline, settings.slowMs));
}

/** The same with limits by operation, ms; undefined where the baseline had no call. */
export function limitOptions(
  settings: CanarySettings,
  latencyLimitsMs: Readonly<Record<string, number>> | undefined,
): CanaryLimitsOf {
  const { alpha, beta, margin, slowdown, unit, maxErrorRate, maxSlowRate } = settings;
  const limits = latencyLimitsMs === undefined ? {} : { latencyLimitsMs, maxSlowRate };
  return { alpha, beta, margin, slowdown, unit, maxErrorRate, ...limits };
}

type CanaryLimitsOf = Omit<CanaryOptions, "weight">;

/** Judges a canary by the settings of its target. @throws WhetstoneError `usage` for settings that cannot be meant */
export function judgeWindow({ before, calls, settings, look }: CanaryWindow): CanaryVerdict {
  return judgeCanary(calls, { ...windowOptions({ before, settings }), ...look });
}
