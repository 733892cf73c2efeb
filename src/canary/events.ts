import type { ReasonCode } from "../model/codes.ts";
import type { CanaryMetric } from "../model/verdict.ts";
import { shareOf, type EventName } from "./arm-count.ts";
import { logHarmEValue, logNoHarmEValue, logObjectiveEValue, type BadShare } from "./e-values.ts";
import type { BadEvents } from "./likelihood.ts";
import { exposureReason, type JudgedMetric, type MetricVerdict } from "./metric.ts";
import { describeOperations, logOperationsEValue, operationsAlpha } from "./operation-evidence.ts";
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

/** Evidence of the tests, as logarithms of E-values. */
type EventEvidence = Readonly<Record<"harm" | "harmInOperations" | "noHarm" | "objective", number>>;

/** Judges one metric of bad events: E-values, rate ratio with its always-valid interval, verdict. */
export function judgeEvents(calls: CountedCalls, metric: EventMetric, settings: CanarySettings): JudgedMetric {
  const counts = countEvents(calls, metric, settings);
  const evidence = weigh(counts, metric, settings);
  const verdict = decide(counts, metric, settings);
  return {
    verdict,
    reasons: reasons(counts, metric, { verdict, settings }),
    describe: () => describe(counts, evidence, { name: metric.name, settings }),
    verdictAt: (factor) => decide(scale(counts, factor), metric, settings),
  };
}

type Described = { readonly name: EventName; readonly settings: CanarySettings };

function describe(
  { control, experiment, events }: EventCounts,
  evidence: EventEvidence,
  { name, settings }: Described,
): Omit<CanaryMetric, "verdict" | "reasons"> {
  const operations = events === null ? [] : describeOperations(events.byOperation, settings);
  return {
    name,
    control: rate(control),
    experiment: rate(experiment),
    effect: events && rateRatio(events.all),
    interval: events && rateRatioInterval(events.all, 1 - settings.alpha),
    eValue: finite(evidence.harm),
    eValuePromotion: finite(evidence.noHarm),
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

function weigh(counts: EventCounts, { maxRate }: EventMetric, settings: CanarySettings): EventEvidence {
  const { events, experiment } = counts;
  const several = events !== null && events.byOperation.size > 1 && operationsAlpha(settings) > 0;
  return {
    harm: events ? logHarmEValue(events.all, settings.harmMargin) : 0,
    harmInOperations: several ? logOperationsEValue([...events.byOperation.values()], settings) : 0,
    noHarm: events ? logNoHarmEValue(events.all, settings.margin) : 0,
    objective: maxRate === undefined ? 0 : logObjectiveEValue(experiment, maxRate),
  };
}

/** Harm first. Where an objective gives a second way to promotion, each of the two has half of beta. */
function decide(counts: EventCounts, metric: EventMetric, settings: CanarySettings): MetricVerdict {
  const evidence = weigh(counts, metric, settings);
  const exposure = exposureReason(exposureOf(counts), settings.minimumCalls);
  if (counts.experiment.bad >= settings.minimumBadEvents && showsHarm(evidence, metric, settings)) {
    if (exposure === undefined) return "rollback";
    // Too few calls for a verdict by the rules, but nobody would wait and see.
    if (exposure === "below_minimum_exposure" && evidence.harm >= Math.log(settings.disasterEValue)) return "rollback";
  }
  if (exposure !== undefined) return "continue";
  const beta = metric.maxRate === undefined ? settings.beta : settings.beta / 2;
  return Math.max(evidence.noHarm, evidence.objective) >= -Math.log(beta) ? "promote" : "continue";
}

function showsHarm(evidence: EventEvidence, { name }: EventMetric, settings: CanarySettings): boolean {
  if (evidence.harm >= -Math.log(settings.alpha * settings.alphaShares[name])) return true;
  return evidence.harmInOperations >= -Math.log(operationsAlpha(settings));
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
