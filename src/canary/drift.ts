/**
 * Arms that differ by more than the version. A canary that does harm is worse than the baseline, or equal, at all times;
 * one process per arm on machines of their own drifts, and is worse at some times and better at others. So calls are cut
 * into blocks of some minutes, and two hypotheses are tested over all blocks: "the canary was never better", and "it was
 * never worse", whatever it was from block to block. Each has an e-process: the product of ½ + ½·e over the blocks' own
 * E-values, a bet of half the money on each block. When the calls refute "never better", a rollback is put off; when they
 * refute both, a promotion is. A canary that is never better is so put off with a probability of at most alpha, and the
 * judge's own bounds stay, since nothing is decided that was not.
 */
import type { CallSample } from "../model/call.ts";
import { normalCdf } from "../stats/normal.ts";
import type { EventName } from "./arm-count.ts";
import { logHarmEValue, logNoHarmEValue } from "./e-values.ts";
import { latencyShift } from "./latency-shift.ts";
import type { CanarySettings } from "./options.ts";
import { badEvents } from "./shares.ts";
import { startTally, type Counts } from "./tally.ts";

/** ln of the E-values against "the canary was never better" and "never worse". */
export type Drift = { readonly logBetter: number; readonly logWorse: number };

/** Intervals of a block: long enough for some calls, short enough for a drift of minutes. Fixed beforehand. */
const INTERVALS = 5;

/** Scale of the shifts of ln(time) that are looked for; only power depends on it. */
const SHIFT_SCALE = 0.1;

/** Drift of a metric by its name. */
export function driftOfMetric(
  calls: readonly CallSample[],
  name: EventName | "latency",
  settings: CanarySettings,
): Drift {
  return name === "latency" ? latencyDrift(calls, settings) : eventDrift(calls, name, settings);
}

/** Drift of one metric of bad events. */
export function eventDrift(calls: readonly CallSample[], name: EventName, settings: CanarySettings): Drift {
  return overBlocks(calls, settings, (counts) => {
    const events = badEvents(counts.counted(name), { name, settings })?.all;
    if (events === undefined) return { logBetter: 0, logWorse: 0 };
    return { logBetter: logNoHarmEValue(events, 1), logWorse: logHarmEValue(events, 1) };
  });
}

/** Drift of the shift of latency; asymptotic, as the judge's own sequence is. */
export function latencyDrift(calls: readonly CallSample[], settings: CanarySettings): Drift {
  return overBlocks(calls, settings, (counts) => {
    const shift = latencyShift(counts.durations());
    if (shift === null || Math.min(shift.control, shift.experiment) < settings.minimumCalls || shift.variance <= 0) {
      return { logBetter: 0, logWorse: 0 };
    }
    const error = Math.sqrt(shift.variance / (shift.control + shift.experiment));
    const [logBetter, logWorse] = [-1, 1].map((sign) => logShiftEValue((sign * shift.difference) / error, error));
    return { logBetter: logBetter ?? 0, logWorse: logWorse ?? 0 };
  });
}

/**
 * ln of the E-value against "the mean is at most 0": half-normal mixture over means above it.
 * `z`: estimate over its standard error.
 */
export function logShiftEValue(z: number, error: number): number {
  const share = SHIFT_SCALE ** 2 / (error ** 2 + SHIFT_SCALE ** 2);
  const scaled = z * Math.sqrt(share);
  return Math.LN2 + 0.5 * Math.log1p(-share) + logMills(scaled);
}

/** From here on the tail is taken by its expansion, which is then exact to 1 in 10,000. */
const FAR = -30;

/** ln of exp(x² / 2) · Φ(x): far below 0 the one is beyond all numbers and the other beneath them (Abramowitz and Stegun 26.2.12). */
function logMills(x: number): number {
  if (x > FAR) return 0.5 * x * x + Math.log(normalCdf(x));
  return -Math.log(-x * Math.sqrt(2 * Math.PI)) + Math.log1p(-1 / (x * x));
}

function overBlocks(calls: readonly CallSample[], settings: CanarySettings, judge: (counts: Counts) => Drift): Drift {
  let [logBetter, logWorse] = [0, 0];
  for (const block of blocksOf(calls, settings)) {
    const tally = startTally(settings);
    tally.add(block);
    const own = judge(tally.counts);
    logBetter += logHalfBet(own.logBetter);
    logWorse += logHalfBet(own.logWorse);
  }
  return { logBetter, logWorse };
}

/** ln(½ + ½·e). */
function logHalfBet(logE: number): number {
  return logE > 50 ? logE - Math.LN2 : Math.log((1 + Math.exp(logE)) / 2);
}

/** The block of an instant, ms since the Unix epoch. */
export function driftBlock(ms: number, { intervalMs }: Pick<CanarySettings, "intervalMs">): number {
  return Math.floor(ms / (INTERVALS * intervalMs));
}

/** Calls by the block of their time; where sessions count once, by that of their session's first call. */
function blocksOf(calls: readonly CallSample[], settings: CanarySettings): Iterable<CallSample[]> {
  const blockOf = (ms: number): number => driftBlock(ms, settings);
  if (settings.unit === "call") return Map.groupBy(calls, ({ timestamp }) => blockOf(timestamp)).values();
  const firsts = new Map<string, number>();
  const keyOf = ({ arm, session }: CallSample): string => `${arm} ${session}`;
  for (const call of calls) {
    const known = firsts.get(keyOf(call));
    if (known === undefined || call.timestamp < known) firsts.set(keyOf(call), call.timestamp);
  }
  return Map.groupBy(calls, (call) => blockOf(firsts.get(keyOf(call)) ?? call.timestamp)).values();
}
