import type { CallSample } from "../model/call.ts";
import type { ReasonCode } from "../model/codes.ts";
import type { CanaryMetric, CanaryVerdict } from "../model/verdict.ts";
import { eventMetrics, judgeEvents } from "./events.ts";
import { furtherFactor } from "./forecast.ts";
import { judgeLatency } from "./latency.ts";
import type { JudgedMetric, MetricVerdict } from "./metric.ts";
import { canarySettings, type CanaryOptions, type CanarySettings } from "./options.ts";

export { CANARY_DEFAULTS, type CanaryOptions } from "./options.ts";

/**
 * Judges a canary on all calls so far: control = baseline, experiment = canary. May be asked after every call, as often
 * as wanted: over all looks together a canary that is no worse is rolled back with probability at most alpha, one that
 * is worse than the margin promoted with probability at most beta. Take the first verdict that is not `continue`.
 *
 * Metrics: `errors`; `slow_calls` when limits are given; `latency`. Any metric that shows harm rolls back; promotion
 * needs every metric to exclude the margin. Missing, one-sided or unusable data never decide. `forecast` stands beside
 * `continue` only: further calls, both arms together, until a verdict if the rates stay as seen.
 * @throws WhetstoneError `usage` for options that cannot be meant.
 */
export function judgeCanary(samples: readonly CallSample[], options: CanaryOptions): CanaryVerdict {
  const settings = canarySettings(options);
  const usable = samples.filter(isUsable);
  const metrics = [
    ...eventMetrics(settings).map((metric) => judgeEvents(usable, metric, settings)),
    judgeLatency(usable, settings),
  ];
  const invalid = usable.length < samples.length || settings.weight === 0 || settings.weight === 1;
  const judged = invalid ? metrics.map(withheld) : metrics;
  const verdict = combine(judged.map(({ metric }) => metric.verdict));
  const total = usable.length;
  const factor = verdict === "continue" ? furtherFactor((f) => combine(judged.map((m) => m.verdictAt(f)))) : null;
  return {
    schema: "whetstone.canary/1",
    verdict,
    reasons: reasons(verdict, judged, settings),
    metrics: judged.map(({ metric }) => metric),
    errorRates: { rollback: settings.alpha, promotion: settings.beta },
    calls: { control: usable.filter(({ arm }) => arm === "baseline").length, experiment: canaryCalls(usable) },
    ...(verdict === "continue" && {
      forecast: { calls: factor === null ? null : Math.max(1, Math.ceil((factor - 1) * total)) },
    }),
  };
}

function canaryCalls(samples: readonly CallSample[]): number {
  return samples.filter(({ arm }) => arm === "canary").length;
}

function isUsable({ timestamp, durationMs }: CallSample): boolean {
  return Number.isFinite(timestamp) && Number.isFinite(durationMs) && durationMs >= 0;
}

/** A metric whose numbers are shown but decide nothing, because part of the data was unusable. */
function withheld({ metric }: JudgedMetric): JudgedMetric {
  const reasons: CanaryMetric["reasons"] = ["invalid_data"];
  return { metric: { ...metric, verdict: "continue", reasons }, verdictAt: () => "continue" };
}

/** Harm first; promotion needs every metric. */
function combine(verdicts: readonly MetricVerdict[]): MetricVerdict {
  if (verdicts.includes("rollback")) return "rollback";
  return verdicts.every((verdict) => verdict === "promote") ? "promote" : "continue";
}

/** Reasons of the metrics that made the verdict what it is, each once. */
function reasons(
  verdict: MetricVerdict,
  judged: readonly JudgedMetric[],
  { deadlineReached }: CanarySettings,
): ReasonCode[] {
  const deciding = judged.filter(({ metric }) => metric.verdict === verdict);
  const found = deciding.flatMap(({ metric }) => metric.reasons);
  const late: ReasonCode[] = verdict === "continue" && deadlineReached ? ["deadline_reached"] : [];
  return [...new Set([...found, ...late])];
}
