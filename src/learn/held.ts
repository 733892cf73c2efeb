import type { Interval } from "../model/finding.ts";
import type { Outcome } from "../model/outcome.ts";
import type { Effect } from "../model/verdict.ts";
import { normalQuantile } from "../stats/normal.ts";
import { jeffreysInterval } from "../stats/proportion.ts";
import { sketchCount, sketchQuantiles, type Sketch } from "../stats/sketch.ts";

/** Calls of one operation in a window of real traffic. */
export type ObservedOperation = {
  readonly operation: string;
  readonly calls: number;
  readonly errors: number;
  /** Durations in ns, `calls` of them. */
  readonly durations: Sketch;
};

/** Traffic before a change was promoted, and after. */
export type HeldEvidence = {
  readonly before: readonly ObservedOperation[];
  readonly after: readonly ObservedOperation[];
};

/** Whether a promoted change still does what it was measured to do, with a line per measured effect. */
export type HeldVerdict = {
  readonly verdict: "held" | "faded" | "unknown";
  readonly details: readonly string[];
  /** The improvements as traffic shows them, with intervals; those of which enough was seen. */
  readonly observed: readonly Effect[];
};

/** Calls of an operation in each window without which nothing is said about it. */
const LEAST_CALLS = 30;

/** An effect is still there while at least this share of it is. */
const SHARE_LEFT = 0.5;

/** Level of a change's interval, and of each of the two that it is made of (Bonferroni). */
const LEVEL = 0.95;
const SIDE_LEVEL = 0.975;

/**
 * Compares real traffic before and after the promotion, for every improvement that validation measured (its interval
 * excludes none). An improvement holds when at least half of it is there and the interval excludes that none is; it has
 * faded when the whole interval says that less than half is there. All else, and too little traffic above all, says
 * nothing: silence is never a proof of holding. The intervals take calls as independent, which bursts are not.
 */
export function judgeHeld({ effects }: Pick<Outcome, "effects">, evidence: HeldEvidence): HeldVerdict {
  const improvements = effects.filter(({ changeInterval }) => changeInterval.high < 0);
  if (improvements.length === 0) {
    return { verdict: "unknown", details: ["No improvement was measured before."], observed: [] };
  }
  const judged = improvements.map((effect) => judgeEffect(effect, evidence));
  const details = judged.map(({ detail }) => detail);
  const observed = judged.flatMap((one) => one.observed ?? []);
  if (judged.some(({ holds }) => holds === false)) return { verdict: "faded", details, observed };
  return { verdict: judged.some(({ holds }) => holds === true) ? "held" : "unknown", details, observed };
}

type Judged = { readonly holds: boolean | undefined; readonly detail: string; readonly observed?: Effect };

function judgeEffect(effect: Effect, { before, after }: HeldEvidence): Judged {
  const { operation, metric, change } = effect;
  const [old, now] = [before, after].map((seen) => seen.find((one) => one.operation === operation));
  const name = `${metric} of ${operation}`;
  if (old === undefined || now === undefined || Math.min(old.calls, now.calls) < LEAST_CALLS) {
    const counts = `${old?.calls ?? 0} calls before, ${now?.calls ?? 0} after`;
    return { holds: undefined, detail: `${name}: ${counts}, at least ${LEAST_CALLS} each are needed` };
  }
  const observed = compare(effect, old, now);
  if (observed === undefined) return { holds: undefined, detail: `${name}: nothing to compare with before` };
  const { low, high } = observed.changeInterval;
  const percent = (share: number): string => `${Math.round(100 * share)} %`;
  const seen = `${percent(observed.change)} (${percent(low)} to ${percent(high)}) in traffic (${old.calls} and ${now.calls} calls)`;
  const detail = `${name}: ${seen}, ${percent(change)} when it was measured`;
  return { holds: holds(observed, SHARE_LEFT * change), detail, observed };
}

/** `least`: what must be left of the change; both are negative. Undefined: the traffic does not say. */
function holds({ change, changeInterval: { low, high } }: Effect, least: number): boolean | undefined {
  if (low > least) return false;
  return change <= least && high < 0 ? true : undefined;
}

type Estimate = { readonly value: number; readonly interval: Interval };

/** The effect in traffic: relative for latencies, a difference for rates, as {@link Effect.change} is. */
function compare({ operation, metric }: Effect, old: ObservedOperation, now: ObservedOperation): Effect | undefined {
  const [before, after] = [old, now].map((seen) => estimate(metric, seen));
  if (before === undefined || after === undefined) return undefined;
  const change = changeOf(metric, before, after);
  if (change === undefined) return undefined;
  return {
    operation,
    metric,
    before: before.value,
    beforeInterval: before.interval,
    after: after.value,
    afterInterval: after.interval,
    change: change.value,
    changeInterval: change.interval,
    samples: Math.min(old.calls, now.calls),
  };
}

function changeOf(metric: Effect["metric"], before: Estimate, after: Estimate): Estimate | undefined {
  const [from, to] = [before.interval, after.interval];
  if (metric === "error_rate") {
    const interval = { low: to.low - from.high, high: to.high - from.low, level: LEVEL };
    return { value: after.value - before.value, interval };
  }
  if (from.low <= 0) return undefined;
  const interval = { low: to.low / from.high - 1, high: to.high / from.low - 1, level: LEVEL };
  return { value: after.value / before.value - 1, interval };
}

function estimate(metric: Effect["metric"], { calls, errors, durations }: ObservedOperation): Estimate {
  switch (metric) {
    case "p50_ms":
      return quantileMs(durations, 0.5);
    case "p95_ms":
      return quantileMs(durations, 0.95);
    case "error_rate":
      return {
        value: errors / calls,
        interval: jeffreysInterval({ successes: errors, trials: calls }, SIDE_LEVEL),
      };
  }
}

/** A quantile with the order statistics around it (normal approximation of the binomial rank). */
function quantileMs(durations: Sketch, q: number): Estimate {
  const half = normalQuantile((1 + SIDE_LEVEL) / 2) * Math.sqrt((q * (1 - q)) / sketchCount(durations));
  const ranks = [Math.max(0, q - half), q, Math.min(1, q + half)];
  const [low = 0, value = 0, high = 0] = sketchQuantiles(durations, ranks).map((ns) => ns / 1e6);
  return { value, interval: { low, high, level: SIDE_LEVEL } };
}
