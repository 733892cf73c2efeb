import { countOf } from "../model/count-of.ts";
import type { Outcome, Pattern, Rule } from "../model/outcome.ts";
import { canonicalJson } from "../model/json.ts";
import { parseInstant } from "../model/time.ts";
import { type Conflict, conflictOf } from "./conflicts.ts";
import { expiryFrom } from "./decide.ts";
import { minePatterns, slug } from "./patterns.ts";
import { ruleText } from "./text.ts";

/** Distinct ideas that must show a pattern before its rule is tried on sessions. */
const INDEPENDENT_FOR_TRIAL = 2;

/** What there is to learn from. */
export type Learning = {
  /** Outcomes in any order; those of other targets are left out. */
  readonly outcomes: readonly Outcome[];
  /** Rules that exist already, in any state. */
  readonly existing: readonly Rule[];
  /** RFC 3339. */
  readonly now: string;
  readonly target: string;
  /** Source paths of the target: the scope of its rules. */
  readonly paths: readonly string[];
  /** Ids of rules whose trial is over: new evidence of their pattern does not prolong them, only their own effect does. */
  readonly settled?: ReadonlySet<string>;
};

/** Rules that are new or changed, and one line per pattern that says why. */
export type Learned = { readonly rules: Rule[]; readonly explanation: string[] };

/** One pattern's rule if it is new or changed, and the line about it. */
type Conclusion = { readonly rule?: Rule; readonly line: string };

/**
 * Learns rules from the patterns over a target's outcomes. A pattern always gives the same rule id. One idea makes a
 * `candidate`, which no session sees; two independent ideas make it `active`, that is, in trial. The version grows when
 * text or scope change, not when only the numbers do. A rule lives 90 days from its last new evidence. Retired rules are
 * not learned again; what an existing rule says already, or contradicts, is refused. Learning twice from the same outcomes changes nothing.
 */
export function learnRules(learning: Learning): Learned {
  const own = learning.outcomes.filter(({ target }) => target === learning.target);
  const patterns = minePatterns(own);
  const conclusions = patterns.map((pattern) => conclude(pattern, learning));
  const rules = conclusions.flatMap(({ rule }) => (rule ? [rule] : []));
  const nothing = `${countOf(own.length, "outcome")} of ${learning.target}: none was kept or stopped, so there is nothing to learn yet.`;
  return { rules, explanation: patterns.length === 0 ? [nothing] : conclusions.map(({ line }) => line) };
}

function conclude(pattern: Pattern, learning: Learning): Conclusion {
  const seen = describe(pattern);
  const text = ruleText(pattern);
  if (text === undefined) return { line: `${seen} No rule: the author of a change cannot heed this.` };
  const id = slug([pattern.id, learning.target]);
  const known = latestVersion(learning.existing, id);
  if (learning.existing.some((rule) => rule.id === id && rule.state === "retired")) {
    return { line: `${seen} No rule: ${id} was retired.` };
  }
  const rule = build({ pattern, text, id }, known, learning);
  const against = opposing(rule, learning.existing);
  if (against) return { line: `${seen} No rule: ${against}.` };
  const unchanged = known !== undefined && canonicalJson(known) === canonicalJson(rule);
  const line = `${seen} ${standing(rule, known, learning.now)}`;
  return unchanged ? { line } : { rule, line };
}

type Draft = { readonly pattern: Pattern; readonly text: string; readonly id: string };

/** The rule as it should stand now; equal to `known` when there is no new evidence. */
function build({ pattern, text: given, id }: Draft, known: Rule | undefined, learning: Learning): Rule {
  const { now, target, paths, settled } = learning;
  // What a session worded keeps its words as long as the pattern says the same.
  const worded = known?.worded?.from === given ? known.worded : undefined;
  const text = worded === undefined ? given : (known?.text ?? given);
  const scope = { target, findings: [pattern.finding], paths: [...paths] };
  const sameAdvice = known !== undefined && known.text === text && canonicalJson(known.scope) === canonicalJson(scope);
  const sameEvidence = known !== undefined && canonicalJson(known.evidence) === canonicalJson(pattern);
  return {
    schema: "whetstone.rule/1",
    id,
    version: known === undefined ? 1 : known.version + (sameAdvice ? 0 : 1),
    state: pattern.independent >= INDEPENDENT_FOR_TRIAL ? "active" : "candidate",
    text,
    scope,
    evidence: pattern,
    ...(worded === undefined ? {} : { worded }),
    // The measured effect belongs to the text that was measured.
    ...(sameAdvice && known.effect !== undefined ? { effect: known.effect } : {}),
    created: known?.created ?? now,
    expires: sameAdvice && (sameEvidence || settled?.has(id) === true) ? known.expires : expiryFrom(now),
  };
}

function latestVersion(rules: readonly Rule[], id: string): Rule | undefined {
  return rules.filter((rule) => rule.id === id).sort((a, b) => b.version - a.version)[0];
}

/** What an existing rule has against a new one: it says the same, the opposite, or differs by a number in its id. */
function opposing(rule: Rule, existing: readonly Rule[]): string | undefined {
  const others = existing.filter(({ id, state }) => id !== rule.id && state !== "retired");
  const stem = (name: string): string => name.replace(/-+/g, "-").replace(/-v?\d+$/, "");
  const named = others.find(({ id, scope }) => stem(id) === stem(rule.id) && scope.target === rule.scope.target);
  if (named) return `${named.id} says this already`;
  const [conflict] = others.flatMap((other) => conflictOf(rule, other) ?? []);
  return conflict && `${against(conflict, rule)} (${conflict.detail})`;
}

function against({ kind, rules }: Conflict, { id }: Rule): string {
  const other = rules.find((name) => name !== id) ?? "";
  return kind === "duplicate" ? `${other} says this already` : `it contradicts ${other}`;
}

function describe({ kind, finding, reason, trials, occurrences, interval, independent }: Pattern): string {
  const what = kind === "effective_fix" ? "kept" : `stopped by ${reason}`;
  const range = `${percent(interval.low)}–${percent(interval.high)}`;
  const ideas = `${independent} independent ${independent === 1 ? "idea" : "ideas"}`;
  return `${finding}: ${occurrences} of ${trials} proposals ${what} (${percent(interval.level)} interval ${range}), ${ideas}.`;
}

function standing(rule: Rule, known: Rule | undefined, now: string): string {
  if (parseInstant(rule.expires, 0n) <= parseInstant(now, 0n)) {
    return `${rule.id} expired on ${rule.expires}; a new outcome would renew it.`;
  }
  const state = known === undefined ? "New rule" : "Rule";
  if (rule.state === "active")
    return `${state} ${rule.id} is in trial until ${rule.expires}; its effect is not measured yet.`;
  const missing = INDEPENDENT_FOR_TRIAL - (rule.evidence?.independent ?? 0);
  return `${state} ${rule.id} is a candidate: ${missing} more independent outcome needed before a trial.`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
