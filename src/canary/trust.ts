import { Arm } from "../model/call.ts";
import type { ReasonCode } from "../model/codes.ts";
import type { CanarySettings } from "./options.ts";
import { contradicts } from "./routing.ts";
import type { Counts } from "./tally.ts";

/** Clocks of two machines may differ by this much, ms. */
const CLOCK_TOLERANCE_MS = 60_000;

/** Calls counted twice beyond this share: the source of the calls is broken. */
const DUPLICATES_TOLERATED = 0.01;

/** So unlikely must it be that an operation misses an arm by chance. */
const CHANCE = 1e-3;

/** Why no verdict at all can be given on the data. Empty when nothing speaks against one. */
export function faultsOf(counts: Counts, settings: CanarySettings): ReasonCode[] {
  const { weight } = settings;
  const isBroken =
    counts.unusable() > 0 ||
    weight === 0 ||
    weight === 1 ||
    isOutOfTime(counts, settings) ||
    isExchanged(counts, settings) ||
    counts.duplicates() > DUPLICATES_TOLERATED * (counts.calls.baseline + counts.calls.canary);
  return isBroken ? ["invalid_data"] : [];
}

/** A call from before the canary or from the future: a clock jumped. */
function isOutOfTime(counts: Counts, { startedMs = -Infinity, nowMs = Infinity }: CanarySettings): boolean {
  return Arm.options.some((arm) => {
    const range = counts.range(arm);
    if (range === undefined) return false;
    return range.firstMs < startedMs - CLOCK_TOLERANCE_MS || range.lastMs > nowMs + CLOCK_TOLERANCE_MS;
  });
}

/** The numbers of calls contradict the weight and fit the weight with the arms exchanged. */
function isExchanged({ calls }: Counts, { weight }: CanarySettings): boolean {
  if (weight === null || Math.abs(weight - 0.5) < 0.05) return false;
  return contradicts(calls, weight) && !contradicts(calls, 1 - weight);
}

/** Why data that would promote must not. Empty when nothing speaks against it. */
export function objectionsOf(counts: Counts, settings: CanarySettings): ReasonCode[] {
  const reasons: ReasonCode[] = [];
  if (isStale(counts, settings)) reasons.push("stale_data");
  if (isUnmatched(counts, settings)) reasons.push("operation_unmatched");
  return reasons;
}

function isStale(counts: Counts, { nowMs, staleAfterMs }: CanarySettings): boolean {
  if (nowMs === undefined) return false;
  return Arm.options.some((arm) => {
    const range = counts.range(arm);
    return range !== undefined && nowMs - range.lastMs > staleAfterMs;
  });
}

/** Some operation was called often in one arm and never in the other, and not by chance. */
function isUnmatched(counts: Counts, { minimumCalls }: CanarySettings): boolean {
  const total = counts.calls.baseline + counts.calls.canary;
  for (const calls of counts.operations().values()) {
    const served = Arm.options.filter((arm) => calls[arm] > 0);
    const [only] = served;
    if (served.length !== 1 || only === undefined || calls[only] < minimumCalls) continue;
    if (chanceOf(calls[only], counts.calls[only] / total) < CHANCE) return true;
  }
  return false;
}

/** The chance that all of so many calls fall on an arm with this share of all calls. */
function chanceOf(calls: number, share: number): number {
  return share ** calls;
}
