import type { CallSample } from "../model/call.ts";
import type { ReasonCode } from "../model/codes.ts";
import type { CanaryMetric } from "../model/verdict.ts";
import { logHarmEValue, logNoHarmEValue, logObjectiveEValue, type BadShare } from "./e-values.ts";
import type { BadEvents } from "./likelihood.ts";
import { exposureReason, type JudgedMetric, type MetricVerdict } from "./metric.ts";
import type { AlphaShares, CanarySettings } from "./options.ts";
import { rateRatio, rateRatioInterval } from "./rate-ratio.ts";
import { badEvents, countsOf, type Trial } from "./shares.ts";

/** A metric of bad events: which calls count, which of them are bad, and what its verdicts are called. */
export type EventMetric = {
  readonly name: "errors" | "slow_calls";
  /** True or false: bad or not; undefined: the call does not count. */
  readonly isBad: (sample: CallSample) => boolean | undefined;
  /** Objective of the metric, a share of calls; undefined when there is none. */
  readonly maxRate: number | undefined;
  readonly harmful: ReasonCode;
  readonly harmless: ReasonCode;
};

/** The metrics of bad events that the settings ask for. */
export function eventMetrics(settings: CanarySettings): EventMetric[] {
  const { latencyLimitsMs: limits, maxErrorRate, maxSlowRate } = settings;
  const errors: EventMetric = {
    name: "errors",
    harmful: "errors_increased",
    harmless: "errors_within_margin",
    isBad: (sample) => sample.error,
    maxRate: maxErrorRate,
  };
  if (limits === undefined) return [errors];
  const isSlow = ({ operation, durationMs }: CallSample): boolean | undefined => {
    const limit = Object.hasOwn(limits, operation) ? limits[operation] : undefined;
    return limit === undefined ? undefined : durationMs > limit;
  };
  const slow: EventMetric = {
    name: "slow_calls",
    harmful: "latency_increased",
    harmless: "latency_within_margin",
    isBad: isSlow,
    maxRate: maxSlowRate,
  };
  return [errors, slow];
}

/** Counts of one metric: all that its verdict depends on. */
type EventCounts = {
  readonly control: BadShare;
  readonly experiment: BadShare;
  readonly events: BadEvents | null;
};

/** Evidence of both tests, as logarithms of E-values. */
type EventEvidence = { readonly harm: number; readonly noHarm: number; readonly objective: number };

/** Judges one metric of bad events over all samples: E-values, rate ratio with its always-valid interval, verdict. */
export function judgeEvents(
  samples: readonly CallSample[],
  metric: EventMetric,
  settings: CanarySettings,
): JudgedMetric {
  const counts = countEvents(samples, metric, settings);
  const evidence = weigh(counts, metric, settings);
  const verdict = decide(counts, metric, settings);
  const { control, experiment, events } = counts;
  return {
    metric: {
      name: metric.name,
      control: rate(control),
      experiment: rate(experiment),
      effect: events && rateRatio(events),
      interval: events && rateRatioInterval(events, 1 - settings.alpha),
      eValue: finite(evidence.harm),
      eValuePromotion: finite(evidence.noHarm),
      verdict,
      reasons: [reason(counts, metric, { verdict, settings })],
    },
    verdictAt: (factor) => decide(scale(counts, factor), metric, settings),
  };
}

function countEvents(samples: readonly CallSample[], metric: EventMetric, settings: CanarySettings): EventCounts {
  const calls = samples.flatMap((sample): Trial[] => {
    const bad = metric.isBad(sample);
    const { timestamp, arm, session, weight = 1 } = sample;
    return bad === undefined ? [] : [{ timestamp, arm, session, bad, weight }];
  });
  const trials = settings.unit === "session" ? bySession(calls) : calls;
  const share = (arm: Trial["arm"]): BadShare => countsOf(trials.filter((trial) => trial.arm === arm));
  return { control: share("baseline"), experiment: share("canary"), events: badEvents(trials, settings) };
}

/** One trial per session and arm, at its first call: bad if any of its calls was. */
function bySession(calls: readonly Trial[]): Trial[] {
  const sessions = Map.groupBy(calls, ({ arm, session }) => `${arm} ${session}`);
  return [...sessions.values()].flatMap((own) => {
    const first = own.reduce((a, b) => (b.timestamp < a.timestamp ? b : a));
    return [{ ...first, bad: own.some((trial) => trial.bad) }];
  });
}

function weigh(counts: EventCounts, { maxRate }: EventMetric, settings: CanarySettings): EventEvidence {
  const { events, experiment } = counts;
  return {
    harm: events ? logHarmEValue(events, settings.harmMargin) : 0,
    noHarm: events ? logNoHarmEValue(events, settings.margin) : 0,
    objective: maxRate === undefined ? 0 : logObjectiveEValue(experiment, maxRate),
  };
}

/** Harm first. Where an objective gives a second way to promotion, each of the two has half of beta. */
function decide(counts: EventCounts, metric: EventMetric, settings: CanarySettings): MetricVerdict {
  const exposure = { control: counts.control.calls, experiment: counts.experiment.calls };
  if (exposureReason(exposure, settings.minimumCalls) !== undefined) return "continue";
  const { harm, noHarm, objective } = weigh(counts, metric, settings);
  const alpha = settings.alpha * settings.alphaShares[metric.name satisfies keyof AlphaShares];
  if (harm >= -Math.log(alpha) && counts.experiment.bad >= settings.minimumBadEvents) return "rollback";
  const beta = metric.maxRate === undefined ? settings.beta : settings.beta / 2;
  return Math.max(noHarm, objective) >= -Math.log(beta) ? "promote" : "continue";
}

type Concluded = { readonly verdict: MetricVerdict; readonly settings: CanarySettings };

function reason(counts: EventCounts, metric: EventMetric, { verdict, settings }: Concluded): ReasonCode {
  if (verdict === "rollback") return metric.harmful;
  if (verdict === "promote") return metric.harmless;
  const exposure = { control: counts.control.calls, experiment: counts.experiment.calls };
  return exposureReason(exposure, settings.minimumCalls) ?? "undecided";
}

function scale({ control, experiment, events }: EventCounts, factor: number): EventCounts {
  const times = ({ bad, calls }: BadShare): BadShare => ({ bad: bad * factor, calls: calls * factor });
  const stages = events?.stages.map((stage) => ({
    share: stage.share,
    canary: stage.canary * factor,
    baseline: stage.baseline * factor,
  }));
  return {
    control: times(control),
    experiment: times(experiment),
    events: events && stages ? { prior: events.prior, stages } : null,
  };
}

function rate({ bad, calls }: BadShare): number | null {
  return calls === 0 ? null : bad / calls;
}

/** An E-value as JSON can hold it; beyond 1e300 only the size of the number is lost. */
function finite(logE: number): CanaryMetric["eValue"] {
  return Math.min(Math.exp(logE), 1e300);
}
