/**
 * A/A on live arms: both arms run the same version behind the proxy's split, and the judge is asked about them as about a
 * canary, period after period. What it rolls back is false. Unlike a resampled baseline this sees what the arms do not
 * share: drift, neighbours, machines. For false promotions the canary's calls are made worse up to the margin.
 */
import { z } from "zod";
import type { CallSample } from "../model/call.ts";
import { Instant } from "../model/json.ts";
import type { Random } from "../stats/random.ts";
import { AaShare, AaPromise } from "./aa-report.ts";
import { aaShare, errorRates, promiseOf, saidOf, worldsOf, worsen, type Said, type World } from "./aa-worlds.ts";
import { canarySettings, type CanaryOptions } from "./options.ts";

const Verdict = z.strictObject({
  /** Look at which it was first said, in minutes; null: never. */
  rollback: z.int().nullable(),
  promote: z.int().nullable(),
});

/** One period with calls of both arms. */
export const AaPeriod = z.strictObject({
  from: Instant,
  to: Instant,
  calls: z.strictObject({ baseline: z.int(), canary: z.int() }),
  equal: Verdict,
  /** Null where the period's calls have no error, or no time, to multiply. */
  errors_at_margin: Verdict.nullable(),
  time_at_margin: Verdict.nullable(),
});
export type AaPeriod = z.infer<typeof AaPeriod>;

const Count = z.int().nonnegative();
const Tally = z.strictObject({ periods: Count, rollback: Count, promote: Count, undecided: Count });
type Tally = z.infer<typeof Tally>;

const Worlds = z.strictObject({ equal: Tally, errors_at_margin: Tally, time_at_margin: Tally });

/** Why a period was not judged. */
export const AaSkip = z.enum(["silent_arm", "versions_differ", "rollout"]);
export type AaSkip = z.infer<typeof AaSkip>;

/** All periods of a target judged by the same options: `canary-aa/TARGET/OPTIONS.json` on the state branch. */
export const AaHistory = z.strictObject({
  schema: z.literal("whetstone.canary-aa-live/1"),
  target: z.string().min(1),
  periodMs: z.int().positive(),
  promised: z.strictObject({ rollback: z.number(), promotion: z.number() }),
  since: Instant,
  /** Everything up to here has been judged or skipped. */
  until: Instant,
  skipped: z.strictObject({ silent_arm: Count, versions_differ: Count, rollout: Count } satisfies Record<
    AaSkip,
    unknown
  >),
  /** Counts over all periods, those among them that are not listed any more. */
  totals: Worlds,
  /** The latest, oldest first. */
  periods: z.array(AaPeriod),
});
export type AaHistory = z.infer<typeof AaHistory>;

/** What the gate's own error rates are, measured on live arms. */
export const AaRates = z.strictObject({
  periods: z.int(),
  falseRollback: AaPromise,
  /** Of the world in which the judge was wrong more often; null without a period that has one. */
  falsePromotion: AaPromise.nullable(),
  undecided: AaShare,
});
export type AaRates = z.infer<typeof AaRates>;

/** Periods that are listed; older ones are in the totals only. */
const LISTED = 400;

const NONE: Tally = { periods: 0, rollback: 0, promote: 0, undecided: 0 };

/** A history of nothing. `since`: RFC 3339. */
export function emptyHistory(of: Pick<AaHistory, "target" | "periodMs" | "promised" | "since">): AaHistory {
  return {
    schema: "whetstone.canary-aa-live/1",
    ...of,
    until: of.since,
    skipped: { silent_arm: 0, versions_differ: 0, rollout: 0 },
    totals: { equal: NONE, errors_at_margin: NONE, time_at_margin: NONE },
    periods: [],
  };
}

/** What a period is judged with. `judge`: the options that a canary of this target has. */
export type PeriodOptions = {
  readonly startMs: number;
  readonly endMs: number;
  readonly judge: CanaryOptions;
  readonly random: Random;
};

/**
 * Judges the calls of one period in every world, with a look at the end of each minute.
 * @throws WhetstoneError `usage` for options that cannot be meant
 */
export function judgePeriod(
  samples: readonly CallSample[],
  { startMs, endMs, judge, random }: PeriodOptions,
): AaPeriod {
  const settings = canarySettings(judge);
  const calls = samples.toSorted((a, b) => a.timestamp - b.timestamp);
  const rates = errorRates(calls);
  const worlds = worldsOf(calls);
  // The last look is at the end of the period, not after it.
  const span = { startMs, endMs: endMs - 1 };
  const judged = (world: World): AaPeriod["equal"] => {
    const made = calls.map((call) => (call.arm === "canary" ? worsen(call, { world, settings, rates, random }) : call));
    return verdictOf(saidOf(made, span, judge));
  };
  const margin = (world: World) => (worlds.includes(world) ? judged(world) : null);
  const count = (arm: CallSample["arm"]): number => calls.filter((call) => call.arm === arm).length;
  return {
    from: new Date(startMs).toISOString(),
    to: new Date(endMs).toISOString(),
    calls: { baseline: count("baseline"), canary: count("canary") },
    equal: judged("equal"),
    errors_at_margin: margin("errors_at_margin"),
    time_at_margin: margin("time_at_margin"),
  };
}

function verdictOf({ rollback, promote }: Said): AaPeriod["equal"] {
  return { rollback: rollback ?? null, promote: promote ?? null };
}

/** The history with one more period, or with one that was skipped. `to`: its end, RFC 3339. */
export function addPeriod(
  history: AaHistory,
  next: AaPeriod | { readonly skipped: AaSkip; readonly to: string },
): AaHistory {
  if ("skipped" in next) {
    const { skipped } = history;
    return { ...history, until: next.to, skipped: { ...skipped, [next.skipped]: skipped[next.skipped] + 1 } };
  }
  const { totals } = history;
  return {
    ...history,
    until: next.to,
    totals: {
      equal: counted(totals.equal, next.equal),
      errors_at_margin: counted(totals.errors_at_margin, next.errors_at_margin),
      time_at_margin: counted(totals.time_at_margin, next.time_at_margin),
    },
    periods: [...history.periods, next].slice(-LISTED),
  };
}

function counted(tally: Tally, verdict: AaPeriod["equal"] | null): Tally {
  if (verdict === null) return tally;
  const { periods, rollback, promote, undecided } = tally;
  return {
    periods: periods + 1,
    rollback: rollback + (verdict.rollback === null ? 0 : 1),
    promote: promote + (verdict.promote === null ? 0 : 1),
    undecided: undecided + (verdict.rollback === null && verdict.promote === null ? 1 : 0),
  };
}

/** The rates that a history shows; null before its first period. */
export function ratesOf({ totals, promised }: Pick<AaHistory, "totals" | "promised">): AaRates | null {
  const { equal } = totals;
  if (equal.periods === 0) return null;
  const shares = [totals.errors_at_margin, totals.time_at_margin]
    .filter(({ periods }) => periods > 0)
    .map(({ periods, promote }) => aaShare(promote, periods));
  const worst = shares.toSorted((a, b) => b.rate - a.rate)[0];
  return {
    periods: equal.periods,
    falseRollback: promiseOf(promised.rollback, aaShare(equal.rollback, equal.periods)),
    falsePromotion: worst === undefined ? null : promiseOf(promised.promotion, worst),
    undecided: aaShare(equal.undecided, equal.periods),
  };
}
