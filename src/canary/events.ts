import type { ReasonCode } from "../model/codes.ts";
import type { CanaryMetric } from "../model/verdict.ts";
import { shareOf, type EventName } from "./arm-count.ts";
import {
  logHarmCeiling,
  logHarmEValue,
  logNoHarmCeiling,
  logNoHarmEValue,
  logObjectiveEValue,
  type BadShare,
} from "./e-values.ts";
import type { BadEvents } from "./likelihood.ts";
import { exposureReason, type JudgedMetric, type MetricVerdict } from "./metric.ts";
import {
  describeOperations,
  logOperationsCeiling,
  logOperationsEValue,
  operationsAlpha,
} from "./operation-evidence.ts";
import type { CanarySettings } from "./options.ts";
import { rateRatio, rateRatioInterval } from "./rate-ratio.ts";
import { badEvents, totalOf, type CountedCalls, type Stratified } from "./shares.ts";

/** A metric of bad events and what its verdicts are called. */
export type EventMetric = {
  readonly name: EventName;
  /** Objective of the metric, a share of calls; undefined when there is none. */
  readonly maxRate: number | undefined;
  readonly harmful: ReasonCode;
  readonly harmless: ReasonCode;
};

/** The metrics of bad events that the settings ask for. */
export function eventMetrics({ latencyLimitsMs, maxErrorRate, maxSlowRate }: CanarySettings): EventMetric[] {
  const errors: EventMetric = {
    name: "errors",
    harmful: "errors_increased",
    harmless: "errors_within_margin",
    maxRate: maxErrorRate,
  };
  if (latencyLimitsMs === undefined) return [errors];
  const slow: EventMetric = {
    name: "slow_calls",
    harmful: "latency_increased",
    harmless: "latency_within_margin",
    maxRate: maxSlowRate,
  };
  return [errors, slow];
}

/** Counts of one metric: all that its verdict depends on. */
type EventCounts = { readonly control: BadShare; readonly experiment: BadShare; readonly events: Stratified | null };

/** Judges one metric of bad events: E-values, rate ratio with its always-valid interval, verdict. */
export function judgeEvents(calls: CountedCalls, metric: EventMetric, settings: CanarySettings): JudgedMetric {
  const counts = countEvents(calls, metric, settings);
  const verdict = decide(counts, metric, settings);
  return {
    name: metric.name,
    verdict,
    reasons: reasons(counts, metric, { verdict, settings }),
    describe: () => describe(counts, { name: metric.name, settings }),
    verdictAt: (factor) => decide(scale(counts, factor), metric, settings),
  };
}

type Described = { readonly name: EventName; readonly settings: CanarySettings };

function describe(counts: EventCounts, { name, settings }: Described): Omit<CanaryMetric, "verdict" | "reasons"> {
  const { control, experiment, events } = counts;
  const operations = events === null ? [] : describeOperations(events.byOperation, settings);
  return {
    name,
    control: rate(control),
    experiment: rate(experiment),
    effect: events && rateRatio(events.all),
    interval: events && rateRatioInterval(events.all, 1 - settings.alpha),
    eValue: finite(harmTest(counts, settings).value()),
    eValuePromotion: finite(noHarmTest(counts, settings).value()),
    ...((events?.byOperation.size ?? 0) > 1 && { operations }),
  };
}

function countEvents(calls: CountedCalls, { name }: EventMetric, settings: CanarySettings): EventCounts {
  const { baseline, canary } = totalOf(calls);
  return {
    control: shareOf(baseline, name),
    experiment: shareOf(canary, name),
    events: badEvents(calls, { name, settings }),
  };
}

/** Harm first. Where an objective gives a second way to promotion, each of the two has half of beta. */
function decide(counts: EventCounts, metric: EventMetric, settings: CanarySettings): MetricVerdict {
  const exposure = exposureReason(exposureOf(counts), settings.minimumCalls);
  if (counts.experiment.bad >= settings.minimumBadEvents && showsHarm(counts, metric, settings)) {
    if (exposure === undefined) return "rollback";
    // Too few calls for a verdict by the rules, but nobody would wait and see.
    const isDisaster = reaches(harmTest(counts, settings), Math.log(settings.disasterEValue));
    if (exposure === "below_minimum_exposure" && isDisaster) return "rollback";
  }
  return exposure === undefined && excludesHarm(counts, metric, settings) ? "promote" : "continue";
}

/** ln of an E-value, and what it is at most, which is found faster. */
type Test = { readonly ceiling: () => number; readonly value: () => number };

function reaches({ ceiling, value }: Test, threshold: number): boolean {
  return ceiling() >= threshold && value() >= threshold;
}

const NO_EVIDENCE: Test = { ceiling: () => 0, value: () => 0 };

function harmTest({ events }: EventCounts, { harmMargin }: CanarySettings): Test {
  if (events === null) return NO_EVIDENCE;
  return {
    ceiling: () => logHarmCeiling(events.all, harmMargin),
    value: () => logHarmEValue(events.all, harmMargin),
  };
}

function operationsTest({ events }: EventCounts, settings: CanarySettings): Test {
  if (events === null || events.byOperation.size < 2) return NO_EVIDENCE;
  const own = [...events.byOperation.values()];
  return { ceiling: () => logOperationsCeiling(own, settings), value: () => logOperationsEValue(own, settings) };
}

function noHarmTest({ events }: EventCounts, { margin }: CanarySettings): Test {
  if (events === null) return NO_EVIDENCE;
  return {
    ceiling: () => logNoHarmCeiling(events.all, margin),
    value: () => logNoHarmEValue(events.all, margin),
  };
}

function showsHarm(counts: EventCounts, { name }: EventMetric, settings: CanarySettings): boolean {
  const alpha = settings.alpha * settings.alphaShares[name];
  if (reaches(harmTest(counts, settings), -Math.log(alpha))) return true;
  return reaches(operationsTest(counts, settings), -Math.log(operationsAlpha(settings)));
}

function excludesHarm(counts: EventCounts, { maxRate }: EventMetric, settings: CanarySettings): boolean {
  if (maxRate === undefined) return reaches(noHarmTest(counts, settings), -Math.log(settings.beta));
  const threshold = -Math.log(settings.beta / 2);
  return (
    logObjectiveEValue(counts.experiment, maxRate) >= threshold || reaches(noHarmTest(counts, settings), threshold)
  );
}

function exposureOf({ control, experiment }: EventCounts): { readonly control: number; readonly experiment: number } {
  return { control: control.calls, experiment: experiment.calls };
}

type Concluded = { readonly verdict: MetricVerdict; readonly settings: CanarySettings };

function reasons(counts: EventCounts, metric: EventMetric, { verdict, settings }: Concluded): CanaryMetric["reasons"] {
  const exposure = exposureReason(exposureOf(counts), settings.minimumCalls);
  if (verdict === "rollback") return exposure === undefined ? [metric.harmful] : [metric.harmful, exposure];
  return [verdict === "promote" ? metric.harmless : (exposure ?? "undecided")];
}

function scale({ control, experiment, events }: EventCounts, factor: number): EventCounts {
  const times = ({ bad, calls }: BadShare): BadShare => ({ bad: bad * factor, calls: calls * factor });
  const grown = ({ prior, stages }: BadEvents): BadEvents => ({
    prior,
    stages: stages.map(({ share, canary, baseline }) => ({
      share,
      canary: canary * factor,
      baseline: baseline * factor,
    })),
  });
  return {
    control: times(control),
    experiment: times(experiment),
    events: events && {
      all: grown(events.all),
      byOperation: new Map([...events.byOperation].map(([name, own]) => [name, grown(own)])),
    },
  };
}

function rate({ bad, calls }: BadShare): number | null {
  return calls === 0 ? null : bad / calls;
}

/** An E-value as JSON can hold it; beyond 1e300 only the size of the number is lost. */
function finite(logE: number): CanaryMetric["eValue"] {
  return Math.min(Math.exp(logE), 1e300);
}
