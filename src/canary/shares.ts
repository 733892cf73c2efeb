import type { Arm } from "../model/call.ts";
import { logBeta } from "../stats/gamma.ts";
import { effectiveSize, hasOneWeight, totalWeight } from "../stats/weighted.ts";
import type { BadEvents, ShareStage } from "./likelihood.ts";
import type { CanarySettings } from "./options.ts";

/** What a metric counts: a call or a session, bad or not. */
export type Trial = {
  readonly timestamp: number;
  readonly arm: Arm;
  readonly session: string;
  readonly bad: boolean;
  /** How many it stands for, where calls were sampled. */
  readonly weight: number;
};

/**
 * Calls and bad ones of an arm. Where weights differ they are Kish's effective number and the true share of it: the
 * rates are those of all traffic, and the evidence never counts for more than was seen. Where they are equal, sampling
 * changes no share, and what was seen is counted.
 */
export function countsOf(trials: readonly Trial[]): { readonly bad: number; readonly calls: number } {
  const bad = trials.filter((trial) => trial.bad);
  if (hasOneWeight(trials)) return { bad: bad.length, calls: trials.length };
  const calls = effectiveSize(trials);
  return { bad: (calls * totalWeight(bad)) / totalWeight(trials), calls };
}

/** Counts of one interval: calls and bad events of both arms. */
type IntervalCounts = Readonly<Record<"canaryCalls" | "baselineCalls" | "canary" | "baseline", number>>;

/**
 * Bad events with the shares to judge them by. The routed weight holds where calls were routed one by one at that
 * weight. Where whole sessions were routed, where the numbers of calls contradict the weight, or where it is not known,
 * the shares are those that each interval really had: given an interval's calls, its bad events fall on the canary at
 * most as widely spread as a binomial (Hoeffding 1963). Null when no share lies strictly between 0 and 1.
 */
export function badEvents(trials: readonly Trial[], settings: CanarySettings): BadEvents | null {
  const { weight } = settings;
  const total = countTrials(trials);
  // Calls of different weights are no draws at the routed weight.
  const routed =
    weight !== null &&
    hasOneWeight(trials) &&
    !contradicts(total, weight) &&
    (settings.unit === "session" || !isSticky(trials));
  if (routed) {
    const { canary, baseline } = total;
    return weight > 0 && weight < 1 ? { prior: weight, stages: [{ share: weight, canary, baseline }] } : null;
  }
  const stages = intervals(trials, settings.intervalMs).map(toStage);
  const prior = stages.find(({ share }) => share > 0 && share < 1)?.share;
  return prior === undefined ? null : { prior, stages };
}

function countTrials(trials: readonly Trial[]): IntervalCounts {
  const [canary, baseline] = (["canary", "baseline"] as const).map((arm) =>
    countsOf(trials.filter((trial) => trial.arm === arm)),
  ) as [ReturnType<typeof countsOf>, ReturnType<typeof countsOf>];
  return { canaryCalls: canary.calls, baselineCalls: baseline.calls, canary: canary.bad, baseline: baseline.bad };
}

/** E-value of 1,000 against "calls were routed at this weight", two-sided: a plan that was not followed. */
function contradicts({ canaryCalls, baselineCalls }: IntervalCounts, weight: number): boolean {
  if (weight <= 0 || weight >= 1) return false;
  const plan = canaryCalls * Math.log(weight) + baselineCalls * Math.log1p(-weight);
  return logBeta(1 + canaryCalls, 1 + baselineCalls) - plan >= Math.log(1000);
}

/** Whole sessions were routed: some session has several calls, and none has calls in both arms. */
function isSticky(trials: readonly Trial[]): boolean {
  const arms = new Map<string, Arm>();
  let repeated = false;
  for (const { session, arm } of trials) {
    const known = arms.get(session);
    if (known !== undefined && known !== arm) return false;
    repeated ||= known !== undefined;
    arms.set(session, arm);
  }
  return repeated;
}

/**
 * Consecutive intervals of at least `intervalMs`, each prolonged until both arms have a call in it. A rest that only one
 * arm served belongs to the interval before it, so that no call is lost.
 */
function intervals(trials: readonly Trial[], intervalMs: number): IntervalCounts[] {
  const sorted = [...trials].sort((a, b) => a.timestamp - b.timestamp);
  const found: Trial[][] = [];
  let open: Trial[] = [];
  let arms = new Set<Arm>();
  for (const trial of sorted) {
    const lasted = trial.timestamp - (open[0]?.timestamp ?? trial.timestamp);
    if (lasted >= intervalMs && arms.size === 2) {
      found.push(open);
      open = [];
      arms = new Set();
    }
    open.push(trial);
    arms.add(trial.arm);
  }
  const last = arms.size === 2 ? undefined : found.pop();
  return [...found, last === undefined ? open : [...last, ...open]].map(countTrials);
}

function toStage({ canaryCalls, baselineCalls, canary, baseline }: IntervalCounts): ShareStage {
  const calls = canaryCalls + baselineCalls;
  return { share: calls === 0 ? 0 : canaryCalls / calls, canary, baseline };
}
