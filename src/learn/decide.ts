import type { Rule } from "../model/outcome.ts";
import { formatInstant, parseInstant } from "../model/time.ts";
import { normalCdf, normalQuantile } from "../stats/normal.ts";
import { BETS, SHOWN } from "./anytime.ts";
import type { RuleEffect } from "./effect.ts";

/** Sessions per arm before anything is decided about a rule. */
const LEAST_PER_ARM = 20;

/** How long a rule lives without new evidence: 90 days. */
export const LIFETIME_NS = 90n * 86_400n * 1_000_000_000n;

/** A rule does not help when the probability that it does is below 5 %. */
const SURE = 0.95;

/** P(effect > 0) from which an undecided rule is tried for longer than once more. */
const PROMISING = 0.9;

/** Lifetimes after which an undecided rule is retired, however promising it is: a year. */
const MOST_LIFETIMES = 4n;

/** Probability of showing a rule of which too little is known. */
const Q_TRIAL = 0.5;

/** Least share of sessions without a rule that may help, until that is shown: with fewer it would not be shown in time. */
const UNSHOWN_HOLD_OUT = 0.25;

/** The effect that the numbers of sessions are planned for where the measured one is smaller: 15 points. */
const WORTH_FINDING = 0.15;

/** What is concluded about a rule from its measured effect. */
export type Standing =
  /** Too few sessions in one arm. */
  | { readonly kind: "trial"; readonly needs: number }
  /** Neither helping nor harming for sure. */
  | { readonly kind: "undecided"; readonly needs: number }
  /** Its e-value against "it raises no session's chance" came to 20, and it is more likely to help than not. */
  | { readonly kind: "helps" }
  /** P(effect > 0) < 5 %, and its e-value against "it raises every session's chance by 5 points" came to 20. */
  | { readonly kind: "useless" };

/**
 * What a rule's effect says about it. Asked after every session it errs no more often than asked once: a rule that raises no
 * session's chance of success is ever said to help with a probability of at most 5 %, one that raises every session's by 5
 * points or more is ever said to be useless with at most 5 %. `needs` is how many more sessions a decision is likely to
 * take: enough that an effect of the measured size, or of 15 points where that is more, is shown in four of five cases.
 */
export function standingOf(effect: RuleEffect | undefined): Standing {
  if (effect === undefined) return { kind: "trial", needs: 2 * LEAST_PER_ARM };
  const least = Math.min(effect.shown.trials, effect.heldOut.trials);
  if (least < LEAST_PER_ARM) return { kind: "trial", needs: sessionsNeeded(effect) };
  const { helps, evidence } = effect;
  if (evidence.helps >= SHOWN && helps > 0.5) return { kind: "helps" };
  if (evidence.wastes >= SHOWN && helps <= 1 - SURE) return { kind: "useless" };
  return { kind: "undecided", needs: sessionsNeeded(effect) };
}

/**
 * Further sessions, both arms together; at least those that fill the smaller arm. The logarithm of the right bet's wealth
 * grows by s²/2 a session and varies by s, the effect over its standard deviation; it has to come to ln of 20 times the bets.
 */
function sessionsNeeded({ shown, heldOut, delta }: RuleEffect): number {
  const done = shown.trials + heldOut.trials;
  const share = Math.min(0.95, Math.max(0.05, (shown.share * shown.trials + heldOut.share * heldOut.trials) / done));
  const size = Math.max(Math.abs(delta), WORTH_FINDING);
  const s = size / Math.sqrt((share * (1 - share)) / (Q_TRIAL * (1 - Q_TRIAL)));
  const z = normalQuantile(0.8);
  const all = ((z + Math.sqrt(z ** 2 + 2 * Math.log(SHOWN * BETS.length))) / s) ** 2;
  const missing = Math.max(0, LEAST_PER_ARM - Math.min(shown.trials, heldOut.trials));
  return Math.max(2 * missing, Math.ceil(all) - done, 1);
}

/**
 * The probability with which the next session is to see a rule: Thompson sampling, that is, the probability that the
 * effect is positive, kept away from 0 and 1 by `floor` so that both arms grow and a rule that stops working is seen to.
 * Until it is shown to help at least a quarter of the sessions go without it.
 */
export function showProbability(effect: RuleEffect | undefined, floor: number): number {
  if (effect === undefined || standingOf(effect).kind === "trial") return Q_TRIAL;
  const without = standingOf(effect).kind === "helps" ? floor : Math.max(floor, UNSHOWN_HOLD_OUT);
  return Math.min(1 - without, Math.max(floor, normalCdf(effect.delta / effect.sd)));
}

/** What is to become of an active rule now. */
export type DueChange = {
  readonly kind: "retire" | "renew";
  /** `budget`: the active rules cost more tokens than they may. */
  readonly why: "effect" | "expired" | "budget";
  readonly detail: string;
};

/** What a change is judged by. */
export type DueFacts = {
  readonly effect: RuleEffect | undefined;
  /** RFC 3339. */
  readonly now: string;
};

/**
 * What is due for an active rule; undefined for nothing. It is retired when it is shown to be useless, at any time. When its
 * time is over it is renewed if it is shown to help; or, once, if it is more likely to help than not; or, for up to a year,
 * if that is likely (90 %); otherwise it is retired. One that has not had its trial stays expired until there is something new. Hard rules are
 * changed by people only.
 */
export function dueChange(rule: Rule, { effect, now }: DueFacts): DueChange | undefined {
  if (rule.state !== "active" || rule.hard !== undefined || effect === undefined) return undefined;
  const standing = standingOf(effect);
  if (standing.kind === "trial") return undefined;
  const sure = describeCertainty(effect);
  if (standing.kind === "useless") return { kind: "retire", why: "effect", detail: sure };
  if (parseInstant(rule.expires, 0n) > parseInstant(now, 0n)) return undefined;
  if (standing.kind === "helps") return { kind: "renew", why: "effect", detail: sure };
  const lifetimes = lifetimesOf(rule);
  return (effect.helps > 0.5 && lifetimes < 2n) || (effect.helps >= PROMISING && lifetimes < MOST_LIFETIMES)
    ? { kind: "renew", why: "expired", detail: `undecided, and more likely to help than not: ${sure}` }
    : { kind: "retire", why: "expired", detail: `not shown to help by ${rule.expires}: ${sure}` };
}

/** How many lifetimes a rule has had, rounded. */
function lifetimesOf({ created, expires }: Rule): bigint {
  return (2n * (parseInstant(expires, 0n) - parseInstant(created, 0n)) + LIFETIME_NS) / (2n * LIFETIME_NS);
}

function describeCertainty({ helps, evidence, shown, heldOut }: RuleEffect): string {
  const [good, bad] = [evidence.helps, evidence.wastes].map((value) => describeEValue(value));
  const sessions = shown.trials + heldOut.trials;
  return `P(effect > 0) = ${helps.toFixed(3)} after ${sessions} sessions, e-values ${good} that it helps, ${bad} that it is not worth its tokens`;
}

/** An e-value for people: two digits. */
export function describeEValue(value: number): string {
  return value >= 1000 ? "over 1000" : String(Number(value.toPrecision(2)));
}

/** When a rule that is made or renewed now expires, RFC 3339. */
export function expiryFrom(now: string): string {
  return formatInstant(parseInstant(now, 0n) + LIFETIME_NS);
}
