import type { CallSample } from "../model/call.ts";
import type { ReasonCode } from "../model/codes.ts";
import type { CanaryMetric, CanaryVerdict } from "../model/verdict.ts";
import { type Drift, driftOfMetric } from "./drift.ts";
import { eventMetrics, judgeEvents } from "./events.ts";
import { furtherFactor } from "./forecast.ts";
import { judgeLatency } from "./latency.ts";
import type { JudgedMetric, MetricVerdict } from "./metric.ts";
import { canarySettings, type CanaryOptions, type CanarySettings } from "./options.ts";
import { startTally, type Counts } from "./tally.ts";
import { faultsOf, objectionsOf } from "./trust.ts";

export { CANARY_DEFAULTS, type CanaryOptions } from "./options.ts";

/** What changes from one look to the next. */
export type Look = Pick<CanaryOptions, "nowMs" | "deadlineReached">;

/** A judge that counts calls as they come: a look costs the same however many there were. */
export type CanaryWatch = {
  /** Takes note of calls, in any order. */
  readonly add: (samples: Iterable<CallSample>) => void;
  /** What {@link judgeCanary} says of all calls so far. */
  readonly judge: (look?: Look) => CanaryVerdict;
  /** The same verdict without its numbers, many times faster. */
  readonly decide: (look?: Look) => Pick<CanaryVerdict, "verdict" | "reasons">;
};

/**
 * Judges a canary on all calls so far: control = baseline, experiment = canary. May be asked after every call, as often
 * as wanted: over all looks together a canary that is no worse is rolled back with probability at most alpha, one that
 * is worse than the margin promoted with probability at most beta. Take the first verdict that is not `continue`.
 *
 * Metrics: `errors`; `slow_calls` when limits are given; `latency`. Any metric that shows harm rolls back, be it over
 * all operations or in one of them; promotion needs every metric to exclude the margin. Missing, one-sided or unusable
 * data never decide, stale data never promote; `atDeadline` says what an open verdict becomes once no more calls come.
 * `forecast` stands beside `continue` only: what a verdict still takes if the rates stay as seen.
 * @throws WhetstoneError `usage` for options that cannot be meant.
 */
export function judgeCanary(samples: readonly CallSample[], options: CanaryOptions): CanaryVerdict {
  const watch = watchCanary(options);
  watch.add(samples);
  return watch.judge();
}

/**
 * Starts a judge that is given the calls bit by bit.
 * @throws WhetstoneError `usage` for options that cannot be meant.
 */
export function watchCanary(options: CanaryOptions): CanaryWatch {
  const fixed = canarySettings(options);
  const tally = startTally(fixed);
  const evidence: CanaryEvidence = {
    counts: tally.counts,
    drift: (name) => driftOfMetric(tally.samples(), name, fixed),
  };
  return {
    add: tally.add,
    judge: (look = {}) => judgeCounts(evidence, { ...fixed, ...look }),
    decide: (look = {}) => {
      const { verdict, reasons } = conclude(evidence, { ...fixed, ...look });
      return { verdict, reasons };
    },
  };
}

/** All that a verdict rests on: counts, and how far the arms of a metric drift, which is asked for only when it matters. */
export type CanaryEvidence = { readonly counts: Counts; readonly drift: (name: JudgedMetric["name"]) => Drift };

type Conclusion = Pick<CanaryVerdict, "verdict" | "reasons"> & { readonly metrics: readonly JudgedMetric[] };

function conclude(evidence: CanaryEvidence, settings: CanarySettings): Conclusion {
  const { counts } = evidence;
  const all = judgeMetrics(counts, settings);
  const metrics = faultsOf(counts, settings).length > 0 ? all.map(withheld) : all;
  const found = combine(metrics.map(({ verdict }) => verdict));
  const objections = [
    ...(found === "rollback" ? [] : objectionsOf(counts, settings)),
    ...driftOf(evidence, settings, { found, metrics }),
  ];
  const verdict = objections.length > 0 ? "continue" : found;
  const deciding = metrics.filter((metric) => metric.verdict === found).flatMap(({ reasons }) => reasons);
  const reasons = [...(verdict === found || objections.includes("arms_drift") ? deciding : []), ...objections];
  return { ...atEnd({ verdict, reasons }, settings), metrics };
}

/** Why arms that drift are not judged. Harm beyond the margin is: no drift that is left alone is as large. */
function driftOf({ counts, drift }: CanaryEvidence, settings: CanarySettings, { found, metrics }: Found): ReasonCode[] {
  if (found === "continue") return [];
  const threshold = -Math.log(settings.alpha);
  const isDrifting = ({ name }: JudgedMetric): boolean => {
    const { logBetter, logWorse } = drift(name);
    return logBetter >= threshold && (found === "rollback" || logWorse >= threshold);
  };
  const { rollback = false, promotion = false } = settings.knownDrift ?? {};
  if (found === "promote") return promotion || metrics.some(isDrifting) ? ["arms_drift"] : [];
  const harmful = metrics.filter(({ verdict }) => verdict === "rollback");
  if (!rollback && !harmful.every(isDrifting)) return [];
  const [events, latency] = [settings.margin, 1 + settings.slowdown].map((harmMargin) =>
    judgeMetrics(counts, { ...settings, harmMargin }),
  );
  const firm = [
    ...(events ?? []).filter(({ name }) => name !== "latency"),
    ...(latency ?? []).filter(({ name }) => name === "latency"),
  ];
  return firm.some(({ verdict }) => verdict === "rollback") ? [] : ["arms_drift"];
}

type Found = { readonly found: MetricVerdict; readonly metrics: readonly JudgedMetric[] };

/** What an open verdict becomes when no more calls will come. */
function atEnd(open: Pick<CanaryVerdict, "verdict" | "reasons">, settings: CanarySettings): typeof open {
  const late = open.verdict === "continue" && settings.deadlineReached;
  const verdict = late && settings.atDeadline === "rollback" ? "rollback" : open.verdict;
  const added: ReasonCode[] = late ? ["deadline_reached"] : [];
  return { verdict, reasons: [...new Set([...open.reasons, ...added])] };
}

function judgeMetrics(counts: Counts, settings: CanarySettings): JudgedMetric[] {
  const events = eventMetrics(settings).map((metric) => judgeEvents(counts.counted(metric.name), metric, settings));
  const exposure = { control: counts.calls.baseline, experiment: counts.calls.canary };
  return [...events, judgeLatency({ durations: counts.durations(), exposure }, settings)];
}

/** What {@link judgeCanary} says of calls that were counted, whoever counted them. */
export function judgeCounts(evidence: CanaryEvidence, settings: CanarySettings): CanaryVerdict {
  const { counts } = evidence;
  const { verdict, reasons, metrics } = conclude(evidence, settings);
  return {
    schema: "whetstone.canary/1",
    verdict,
    reasons,
    metrics: metrics.map(described),
    errorRates: { rollback: settings.alpha, promotion: settings.beta },
    calls: { control: counts.calls.baseline, experiment: counts.calls.canary },
    // More of the same calls would not end a drift.
    ...(verdict === "continue" && { forecast: reasons.includes("arms_drift") ? NEVER : forecast(counts, metrics) }),
  };
}

const NEVER = { calls: null, minutes: null };

function described({ describe, verdict, reasons }: JudgedMetric): CanaryMetric {
  return { ...describe(), verdict, reasons };
}

/** A metric whose numbers are shown but decide nothing, because the data cannot be trusted. */
function withheld(metric: JudgedMetric): JudgedMetric {
  return { ...metric, verdict: "continue", reasons: ["invalid_data"], verdictAt: () => "continue" };
}

/** Harm first; promotion needs every metric. */
function combine(verdicts: readonly MetricVerdict[]): MetricVerdict {
  if (verdicts.includes("rollback")) return "rollback";
  return verdicts.every((verdict) => verdict === "promote") ? "promote" : "continue";
}

/** Below this a rate of calls per minute is hardly known. */
const SHORTEST_MINUTES = 1;

function forecast(counts: Counts, metrics: readonly JudgedMetric[]): NonNullable<CanaryVerdict["forecast"]> {
  const total = counts.calls.baseline + counts.calls.canary;
  const factor = furtherFactor((times) => combine(metrics.map((metric) => metric.verdictAt(times))));
  if (factor === null) return { calls: null, minutes: null };
  const ranges = (["baseline", "canary"] as const).flatMap((arm) => counts.range(arm) ?? []);
  const [first, last] = [ranges.map(({ firstMs }) => firstMs), ranges.map(({ lastMs }) => lastMs)];
  const minutes = (Math.max(...last) - Math.min(...first)) / 60_000;
  return {
    calls: Math.max(1, Math.ceil((factor - 1) * total)),
    minutes: minutes >= SHORTEST_MINUTES ? (factor - 1) * minutes : null,
  };
}
