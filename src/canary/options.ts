import { WhetstoneError } from "../model/error.ts";

/** Shares of alpha that the metrics may spend; together at most 1. What is left is for harm in single operations. */
export type AlphaShares = { readonly errors: number; readonly slow_calls: number; readonly latency: number };

/** What may be set beside the routing weight; {@link CANARY_DEFAULTS} fills in the rest. */
export type CanaryLimits = {
  /** Greatest probability of rolling back a canary that is no worse, over any number of looks. */
  readonly alpha: number;
  /** Greatest probability of promoting a canary that is worse than the margin, over any number of looks. */
  readonly beta: number;
  /** m: smallest ratio of bad-event rates, canary to baseline, that must not be promoted; above 1. */
  readonly margin: number;
  /** m_h: only a ratio above this counts as harm, for rates and latency; at least 1 and below `margin`. */
  readonly harmMargin: number;
  /** g: smallest relative slowdown that must not be promoted; 0.25 = a quarter slower. */
  readonly slowdown: number;
  readonly alphaShares: AlphaShares;
  /** Fewest bad events in the canary for a rollback. */
  readonly minimumBadEvents: number;
  /** Fewest calls per arm and metric for any decision. */
  readonly minimumCalls: number;
  /** N*: number of calls at which the latency interval is tightest; fix it beforehand. */
  readonly tuningCalls: number;
  /** Shortest interval of the shares that were realised, ms. */
  readonly intervalMs: number;
  /** What counts once: each call, or each client session with all its calls (for events that come in bursts). */
  readonly unit: "call" | "session";
  /** True when no more calls will come: an open verdict then says so. */
  readonly deadlineReached: boolean;
  /** What an open verdict becomes at the deadline: it stays open, for people, or the canary is taken back. */
  readonly atDeadline: "inconclusive" | "rollback";
  /** E-value of harm from which the canary is rolled back even below `minimumCalls`. */
  readonly disasterEValue: number;
  /** With `nowMs`: without a call of an arm for so long, ms, nothing is promoted. */
  readonly staleAfterMs: number;
};

/** What {@link judgeCanary} needs to know. Plain data, so that it can be stored and judged again. */
export type CanaryOptions = Partial<CanaryLimits> & {
  /**
   * w: share of the traffic routed to the canary, fixed before the calls came. Null when it is not known: the shares
   * of each interval are then counted.
   */
  readonly weight: number | null;
  /** Objective for errors, a share of calls: with it a canary without any error can be promoted. */
  readonly maxErrorRate?: number;
  /** Objective for slow calls, a share of calls. */
  readonly maxSlowRate?: number;
  /** Limit by operation, ms, frozen before the canary: slower calls are bad events of `slow_calls`. Others do not count. */
  readonly latencyLimitsMs?: Readonly<Record<string, number>>;
  /**
   * What an A/A on these arms found broken: then a rollback needs harm beyond the margin from the first call on, and
   * nothing is promoted, respectively.
   */
  readonly knownDrift?: { readonly rollback: boolean; readonly promotion: boolean };
  /** When the split was changed, ms since the Unix epoch. Then no weight holds for all calls, and it must be null. */
  readonly changesMs?: readonly number[];
  /** When the canary began, ms since the Unix epoch: a call from before it shows a wrong clock. */
  readonly startedMs?: number;
  /** Time of the look, ms since the Unix epoch: tells stale data, and calls from the future. */
  readonly nowMs?: number;
};

/** Options with every default filled in. */
export type CanarySettings = CanaryLimits & Omit<CanaryOptions, keyof CanaryLimits>;

export const CANARY_DEFAULTS: CanaryLimits = {
  alpha: 0.05,
  beta: 0.05,
  margin: 2,
  harmMargin: 1,
  slowdown: 0.25,
  alphaShares: { errors: 0.6, slow_calls: 0.2, latency: 0.1 },
  minimumBadEvents: 3,
  minimumCalls: 10,
  tuningCalls: 500,
  intervalMs: 60_000,
  unit: "call",
  deadlineReached: false,
  atDeadline: "inconclusive",
  disasterEValue: 1_000,
  staleAfterMs: 1_800_000,
};

/**
 * Fills in the defaults and refuses what cannot be meant. A weight of 0 or 1 is possible: it compares nothing.
 * @throws WhetstoneError `usage` naming the option.
 */
export function canarySettings(options: CanaryOptions): CanarySettings {
  const settings = { ...CANARY_DEFAULTS, ...options };
  for (const [name, value, holds] of checks(settings)) {
    if (holds) continue;
    throw new WhetstoneError("usage", `The canary option ${name} cannot be ${JSON.stringify(value)}.`, {
      remedy:
        "Rates, shares and the weight lie between 0 and 1, ratios are at least 1, counts and limits are positive.",
      data: { option: name },
    });
  }
  return settings;
}

type Check = readonly [name: string, value: unknown, holds: boolean];

function checks(s: CanarySettings): Check[] {
  const shares = Object.values(s.alphaShares);
  const spent = shares.reduce((sum, share) => sum + share, 0);
  return [
    ["weight", s.weight, s.weight === null || (s.weight >= 0 && s.weight <= 1)],
    ["alpha", s.alpha, openShare(s.alpha) && s.alpha < 0.5],
    ["beta", s.beta, openShare(s.beta) && s.beta < 0.5],
    ["margin", s.margin, s.margin > 1 && Number.isFinite(s.margin)],
    ["harmMargin", s.harmMargin, s.harmMargin >= 1 && s.harmMargin < s.margin],
    ["slowdown", s.slowdown, s.slowdown > 0 && Number.isFinite(s.slowdown)],
    ["alphaShares", s.alphaShares, shares.every(openShare) && spent <= 1 + 1e-12],
    ["minimumBadEvents", s.minimumBadEvents, s.minimumBadEvents >= 0],
    ["minimumCalls", s.minimumCalls, s.minimumCalls >= 2],
    ["tuningCalls", s.tuningCalls, s.tuningCalls > 0 && Number.isFinite(s.tuningCalls)],
    ["intervalMs", s.intervalMs, s.intervalMs > 0],
    ["maxErrorRate", s.maxErrorRate, s.maxErrorRate === undefined || openShare(s.maxErrorRate)],
    ["maxSlowRate", s.maxSlowRate, s.maxSlowRate === undefined || openShare(s.maxSlowRate)],
    ["disasterEValue", s.disasterEValue, s.disasterEValue >= 1 / s.alpha],
    ["staleAfterMs", s.staleAfterMs, s.staleAfterMs > 0],
    ["changesMs", s.changesMs, s.changesMs === undefined || (s.weight === null && s.changesMs.every(Number.isFinite))],
    ["startedMs", s.startedMs, s.startedMs === undefined || Number.isFinite(s.startedMs)],
    ["nowMs", s.nowMs, s.nowMs === undefined || Number.isFinite(s.nowMs)],
    ["latencyLimitsMs", s.latencyLimitsMs, Object.values(s.latencyLimitsMs ?? {}).every((limit) => limit > 0)],
  ];
}

function openShare(value: number): boolean {
  return value > 0 && value < 1;
}
