import type { MeasuredEffect, RuleReview } from "../model/learning.ts";
import type { Rule } from "../model/outcome.ts";
import { parseInstant } from "../model/time.ts";
import { dueChange, expiryFrom, standingOf } from "./decide.ts";
import { measureEffects, type RuleEffect } from "./effect.ts";
import type { Trial } from "./trials.ts";

/** What rules are reviewed by. */
export type ReviewSource = {
  /** Every rule of a target, each in its latest version. */
  readonly rules: readonly Rule[];
  readonly trials: readonly Trial[];
  /** RFC 3339. */
  readonly now: string;
  /** Most tokens that the advice for one kind of finding may cost a session. */
  readonly tokenBudget: number;
  /** Tokens of a rule's text, estimated. */
  readonly tokensOf: (rule: Rule) => number;
};

/** What is known of each rule and what is due for it, in the order of the rules' ids. */
export function reviewRules(source: ReviewSource): RuleReview[] {
  const { rules, trials, now, tokensOf } = source;
  const validated = byVersion(measureEffects(trials));
  const held = byVersion(measureEffects(trials, (trial) => trial.held));
  const reviews = rules.map((rule): RuleReview => {
    const effect = validated.get(versionOf(rule));
    const late = held.get(versionOf(rule));
    const standing = standingIn(rule, { effect, now });
    const due = dueChange(rule, { effect, now });
    const measuring = rule.state === "active" && rule.hard === undefined ? standingOf(effect) : undefined;
    return {
      rule: rule.id,
      version: rule.version,
      standing,
      tokens: tokensOf(rule),
      ...(effect ? { validated: shown(effect) } : {}),
      ...(late ? { held: shown(late) } : {}),
      ...(measuring !== undefined && "needs" in measuring ? { needs: measuring.needs } : {}),
      ...(due ? { due } : {}),
    };
  });
  const sorted = reviews.toSorted((a, b) => (a.rule < b.rule ? -1 : 1));
  return withinBudget(sorted, source);
}

/** The rule as the change that is due leaves it; undefined when none is. The text stays, so the version does. */
export function applyDue(rule: Rule, { due, validated }: RuleReview, now: string): Rule | undefined {
  if (due === undefined) return undefined;
  const effect =
    validated === undefined
      ? {}
      : {
          effect: {
            delta: validated.delta,
            interval: validated.interval,
            trials: validated.shown.trials + validated.heldOut.trials,
          },
        };
  if (due.kind === "renew") return { ...rule, ...effect, expires: expiryFrom(now) };
  return { ...rule, ...effect, state: "retired", retired: { at: now, why: `${due.why}: ${due.detail}` } };
}

const versionOf = ({ id, version }: Rule): string => `${id}\n${version}`;

function byVersion(effects: readonly RuleEffect[]): Map<string, RuleEffect> {
  return new Map(effects.map((effect) => [`${effect.rule}\n${effect.version}`, effect]));
}

function shown({ shown: with_, heldOut, delta, helps, interval, evidence }: RuleEffect): MeasuredEffect {
  return { shown: with_, heldOut, delta, helps, interval, evidence };
}

type Facts = { readonly effect: RuleEffect | undefined; readonly now: string };

function standingIn(rule: Rule, { effect, now }: Facts): RuleReview["standing"] {
  if (rule.state !== "active") return rule.state;
  if (parseInstant(rule.expires, 0n) <= parseInstant(now, 0n)) return "expired";
  return rule.hard === undefined ? standingOf(effect).kind : "hard";
}

/**
 * Retires what a token budget has no room for, per kind of finding: hard rules are counted first, then what is known to
 * help, then the effect per token; of equals the older rule stays.
 */
function withinBudget(reviews: readonly RuleReview[], { rules, tokenBudget }: ReviewSource): RuleReview[] {
  const over = new Map<string, string>();
  const inForce = rules.filter((rule) => {
    const review = reviews.find((one) => one.rule === rule.id);
    return rule.state === "active" && review?.standing !== "expired" && review?.due?.kind !== "retire";
  });
  for (const kind of new Set(inForce.flatMap(({ scope }) => scope.findings))) {
    let room = tokenBudget;
    for (const { rule, review } of ranked(inForce, reviews)) {
      if (!rule.scope.findings.includes(kind)) continue;
      room -= review.tokens;
      if (room >= 0 || rule.hard !== undefined) continue;
      room += review.tokens;
      over.set(rule.id, `the rules for ${kind} cost more than ${tokenBudget} tokens, and this one is worth least`);
    }
  }
  return reviews.map((review) => {
    const detail = over.get(review.rule);
    return detail === undefined ? review : { ...review, due: { kind: "retire", why: "budget", detail } };
  });
}

type Ranked = { readonly rule: Rule; readonly review: RuleReview };

function ranked(rules: readonly Rule[], reviews: readonly RuleReview[]): Ranked[] {
  const pairs = rules.flatMap((rule) => {
    const review = reviews.find((one) => one.rule === rule.id);
    return review === undefined ? [] : [{ rule, review }];
  });
  const worth = ({ rule, review }: Ranked): readonly number[] => [
    rule.hard === undefined ? 0 : 1,
    review.standing === "helps" ? 1 : 0,
    (review.validated?.delta ?? 0) / Math.max(1, review.tokens),
    -Number(parseInstant(rule.created, 0n)),
  ];
  return pairs.toSorted((a, b) => {
    const [one, other] = [worth(a), worth(b)];
    const differs = one.findIndex((value, i) => value !== other[i]);
    return differs < 0 ? (a.rule.id < b.rule.id ? -1 : 1) : (other[differs] ?? 0) - (one[differs] ?? 0);
  });
}
