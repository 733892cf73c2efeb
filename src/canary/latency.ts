import type { ReasonCode } from "../model/codes.ts";
import type { CanaryMetric } from "../model/verdict.ts";
import { latencyShift, sequenceHalfWidth, type LatencyShift, type SequenceShape } from "./latency-shift.ts";
import { exposureReason, type Exposure, type JudgedMetric, type MetricVerdict } from "./metric.ts";
import type { OperationDurations } from "./moments.ts";
import type { CanarySettings } from "./options.ts";

/** What is known of the durations: by operation, and how many calls there are in all. */
export type Latencies = { readonly durations: Iterable<OperationDurations>; readonly exposure: Exposure };

/** Judges the shift of latency: ratio of geometric means with its always-valid interval, verdict. */
export function judgeLatency(calls: Latencies, settings: CanarySettings): JudgedMetric {
  const shift = latencyShift(calls.durations);
  const none = { control: null, experiment: null, effect: null, interval: null };
  const verdict = shift ? decide(shift, settings) : "continue";
  return {
    name: "latency",
    verdict,
    reasons: [reason(calls.exposure, { shift, verdict }, settings)],
    describe: () => ({
      name: "latency",
      ...(shift ? describe(shift, settings) : none),
      eValue: null,
      eValuePromotion: null,
    }),
    verdictAt: (factor) => (shift ? decide(grow(shift, factor), settings) : "continue"),
  };
}

function grow(shift: LatencyShift, factor: number): LatencyShift {
  return { ...shift, control: shift.control * factor, experiment: shift.experiment * factor };
}

function describe(
  shift: LatencyShift,
  settings: CanarySettings,
): Pick<CanaryMetric, "control" | "experiment" | "effect" | "interval"> {
  const { difference } = shift;
  const half = sequenceHalfWidth({ ...shape(shift, settings), alpha: settings.alpha, sides: 2 });
  const interval = { low: Math.exp(difference - half), high: Math.exp(difference + half), level: 1 - settings.alpha };
  return {
    control: Math.exp(shift.controlMean),
    experiment: Math.exp(shift.experimentMean),
    effect: Math.exp(difference),
    interval: Number.isFinite(interval.high) ? interval : null,
  };
}

function shape(shift: LatencyShift, { tuningCalls }: CanarySettings): Omit<SequenceShape, "alpha" | "sides"> {
  return { calls: shift.control + shift.experiment, variance: shift.variance, tuningCalls };
}

/** Variance of log-latency below which only rounding is left of it: no real clock is that steady. */
const NO_SPREAD = 1e-18;

/** Harm first. Without any spread the asymptotics say nothing, so nothing is decided. */
function decide(shift: LatencyShift, settings: CanarySettings): MetricVerdict {
  if (exposureReason(shift, settings.minimumCalls) !== undefined || !(shift.variance > NO_SPREAD)) return "continue";
  const half = (alpha: number): number => sequenceHalfWidth({ ...shape(shift, settings), alpha, sides: 1 });
  const harm = half(settings.alpha * settings.alphaShares.latency);
  if (shift.difference - harm > Math.log(settings.harmMargin)) return "rollback";
  return shift.difference + half(settings.beta) < Math.log1p(settings.slowdown) ? "promote" : "continue";
}

type Concluded = { readonly shift: LatencyShift | null; readonly verdict: MetricVerdict };

function reason(exposure: Exposure, { shift, verdict }: Concluded, settings: CanarySettings): ReasonCode {
  if (verdict === "rollback") return "latency_increased";
  if (verdict === "promote") return "latency_within_margin";
  const traffic = exposureReason(exposure, settings.minimumCalls);
  if (traffic !== undefined) return traffic;
  return shift === null ? "below_minimum_exposure" : (exposureReason(shift, settings.minimumCalls) ?? "undecided");
}
