import type { CallResult } from "../model/call.ts";
import type { Interval } from "../model/finding.ts";
import type { Effect } from "../model/verdict.ts";
import { quantileRatioInterval } from "../stats/bootstrap.ts";
import { proportionDifferenceInterval, wilsonInterval } from "../stats/proportion.ts";
import { quantile, quantileInterval, sortedAscending } from "../stats/quantile.ts";
import type { Random } from "../stats/random.ts";

/** One played call, as far as effects need it. Every status but `ok` is an error. */
export type PlayedCall = Pick<CallResult, "tool" | "durationMs" | "status">;

/** Two versions that played the same calls. */
export type EffectRequest = {
  readonly before: readonly PlayedCall[];
  readonly after: readonly PlayedCall[];
  /** Tools to measure, in this order. */
  readonly operations: readonly string[];
  readonly random: Random;
  /** Bootstrap resamples, at least 100; default 2000. */
  readonly resamples?: number;
  /** Confidence level of every interval; default 0.95. */
  readonly level?: number;
};

/** Shortest time that a ratio is taken of, ms: shorter ones count as this, so that 0 divides nothing. */
const CLOCK_RESOLUTION_MS = 0.001;

/**
 * Before and after of p50, p95 and error rate per tool, in the order of `operations`.
 * Latency covers all calls, failed ones too; its intervals are distribution-free, its change is the ratio of quantiles
 * minus 1 with a bootstrap interval. Rates have Wilson intervals, their change is the difference with Newcombe's.
 * Where a version has too few calls for a quantile's interval at `level`, the interval is the range of its values and
 * `level` says what it really covers. A tool with fewer than two calls in one version has no latency effects, without
 * any call no effect at all: the caller sees that by their absence.
 */
export function measureEffects(request: EffectRequest): Effect[] {
  return request.operations.flatMap((operation) => {
    const before = request.before.filter(({ tool }) => tool === operation);
    const after = request.after.filter(({ tool }) => tool === operation);
    const samples = Math.min(before.length, after.length);
    const latencies =
      samples < 2 ? [] : ([0.5, 0.95] as const).map((p) => latencyEffect({ ...request, before, after }, p));
    const rates = samples < 1 ? [] : [rateEffect(before, after, request.level ?? 0.95)];
    return [...latencies, ...rates].map((effect) => ({ operation, ...effect, samples }));
  });
}

type Measured = Omit<Effect, "operation" | "samples">;

function latencyEffect(
  { before, after, random, level = 0.95, resamples = 2000 }: EffectRequest,
  p: 0.5 | 0.95,
): Measured {
  const old = sortedAscending(before.map(({ durationMs }) => durationMs));
  const now = sortedAscending(after.map(({ durationMs }) => durationMs));
  const positive = (ms: number): number => Math.max(ms, CLOCK_RESOLUTION_MS);
  const ratio = quantileRatioInterval({
    before: old.map(positive),
    after: now.map(positive),
    p,
    level,
    resamples,
    random,
  });
  return {
    metric: p === 0.5 ? "p50_ms" : "p95_ms",
    before: quantile(old, p),
    beforeInterval: intervalOfQuantile(old, p, level),
    after: quantile(now, p),
    afterInterval: intervalOfQuantile(now, p, level),
    change: ratio.ratio - 1,
    changeInterval: { low: ratio.interval.low - 1, high: ratio.interval.high - 1, level },
  };
}

/** P(min < quantile < max) = 1 − pⁿ − (1 − p)ⁿ for n independent values (Hahn & Meeker 1991, section 5.2). */
function intervalOfQuantile(sorted: readonly number[], p: number, level: number): Interval {
  const found = quantileInterval(sorted, p, level);
  if (found !== null) return found;
  const covered = 1 - p ** sorted.length - (1 - p) ** sorted.length;
  return { low: sorted[0] ?? Number.NaN, high: sorted.at(-1) ?? Number.NaN, level: covered };
}

function rateEffect(before: readonly PlayedCall[], after: readonly PlayedCall[], level: number): Measured {
  const [old, now] = [failures(before), failures(after)];
  const [oldRate, newRate] = [old.successes / old.trials, now.successes / now.trials];
  return {
    metric: "error_rate",
    before: oldRate,
    beforeInterval: wilsonInterval(old, level),
    after: newRate,
    afterInterval: wilsonInterval(now, level),
    change: newRate - oldRate,
    changeInterval: proportionDifferenceInterval(old, now, level),
  };
}

/** Failed calls as the "successes" of a share. */
function failures(calls: readonly PlayedCall[]): { successes: number; trials: number } {
  return { successes: calls.filter(({ status }) => status !== "ok").length, trials: calls.length };
}
