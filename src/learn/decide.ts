import type { Rule } from "../model/outcome.ts";
import { formatInstant, parseInstant } from "../model/time.ts";
import { normalCdf, normalQuantile } from "../stats/normal.ts";
import type { RuleEffect } from "./effect.ts";

/** Sessions per arm before anything is decided about a rule. */
export const LEAST_PER_ARM = 20;

/** How long a rule lives without new evidence: 90 days. */
export const LIFETIME_NS = 90n * 86_400n * 1_000_000_000n;

/** A rule helps, or does not, when the probability of that reaches this. */
const SURE = 0.95;

/** Probability of showing a rule of which too little is known. */
const Q_TRIAL = 0.5;

/** The effect that the numbers of sessions are planned for where the measured one is smaller: 15 points. */
const WORTH_FINDING = 0.15;

/** What is concluded about a rule from its measured effect. */
export type Standing =
  /** Too few sessions in one arm. */
  | { readonly kind: "trial"; readonly needs: number }
  /** Neither helping nor harming for sure. */
  | { readonly kind: "undecided"; readonly needs: number }
  | { readonly kind: "helps" }
  /** P(effect > 0) < 5 %. */
  | { readonly kind: "useless" };

/**
 * What a rule's effect says about it. `needs` is how many more sessions a decision is likely to take: enough that an
 * effect of the measured size, or of 15 points where that is more, shows in four of five cases (one-sided 5 %).
 */
export function standingOf(effect: RuleEffect | undefined): Standing {
  if (effect === undefined) return { kind: "trial", needs: 2 * LEAST_PER_ARM };
  const least = Math.min(effect.shown.trials, effect.heldOut.trials);
  if (least < LEAST_PER_ARM) return { kind: "trial", needs: sessionsNeeded(effect) };
  if (effect.helps >= SURE) return { kind: "helps" };
  return effect.helps <= 1 - SURE ? { kind: "useless" } : { kind: "undecided", needs: sessionsNeeded(effect) };
}

/** Further sessions, both arms together; at least those that fill the smaller arm. */
function sessionsNeeded({ shown, heldOut, delta }: RuleEffect): number {
  const done = shown.trials + heldOut.trials;
  const share = Math.min(0.95, Math.max(0.05, (shown.share * shown.trials + heldOut.share * heldOut.trials) / done));
  const size = Math.max(Math.abs(delta), WORTH_FINDING);
  const spread = normalQuantile(SURE) + normalQuantile(0.8);
  const perArm = (spread ** 2 * 2 * share * (1 - share)) / size ** 2;
  const missing = Math.max(0, LEAST_PER_ARM - Math.min(shown.trials, heldOut.trials));
  return Math.max(2 * missing, Math.ceil(2 * perArm) - done, 1);
}

/**
 * The probability with which the next session is to see a rule: Thompson sampling, that is, the probability that the
 * effect is positive, kept away from 0 and 1 by `floor` so that both arms grow and a rule that stops working is seen to.
 */
export function showProbability(effect: RuleEffect | undefined, floor: number): number {
  if (effect === undefined || standingOf(effect).kind === "trial") return Q_TRIAL;
  return Math.min(1 - floor, Math.max(floor, normalCdf(effect.delta / effect.sd)));
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
 * What is due for an active rule; undefined for nothing. It is retired when it does not help (P(effect > 0) < 5 %), at any
 * time. When its time is over it is renewed if it is known to help, or, once, if it is more likely to help than not;
 * otherwise it is retired. One that has not had its trial stays expired until there is something new. Hard rules are
 * changed by people only.
 */
export function dueChange(rule: Rule, { effect, now }: DueFacts): DueChange | undefined {
  if (rule.state !== "active" || rule.hard !== undefined || effect === undefined) return undefined;
  const standing = standingOf(effect);
  if (standing.kind === "trial") return undefined;
  const sure = `P(effect > 0) = ${effect.helps.toFixed(3)} after ${sessionsOf(effect)} sessions`;
  if (standing.kind === "useless") return { kind: "retire", why: "effect", detail: sure };
  if (parseInstant(rule.expires, 0n) > parseInstant(now, 0n)) return undefined;
  if (standing.kind === "helps") return { kind: "renew", why: "effect", detail: sure };
  return effect.helps > 0.5 && !wasRenewed(rule)
    ? { kind: "renew", why: "expired", detail: `undecided at the end of its first time: ${sure}` }
    : { kind: "retire", why: "expired", detail: `not shown to help by ${rule.expires}: ${sure}` };
}

/** Whether a rule has lived longer than one lifetime. */
function wasRenewed({ created, expires }: Rule): boolean {
  return 2n * (parseInstant(expires, 0n) - parseInstant(created, 0n)) > 3n * LIFETIME_NS;
}

/** When a rule that is made or renewed now expires, RFC 3339. */
export function expiryFrom(now: string): string {
  return formatInstant(parseInstant(now, 0n) + LIFETIME_NS);
}

function sessionsOf({ shown, heldOut }: RuleEffect): number {
  return shown.trials + heldOut.trials;
}
