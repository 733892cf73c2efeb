import type { Arm } from "../model/assignment.ts";
import type { FindingKind } from "../model/finding.ts";
import type { Rule } from "../model/outcome.ts";
import { parseInstant } from "../model/time.ts";
import { sha256 } from "../protect/digest.ts";
import { byStrength } from "../learn/strength.ts";
import { ruleLine } from "./context/memory-of-target.ts";
import { estimateTokens } from "./context/tokens.ts";

/** Probability that a session sees a rule of which nothing was measured yet. */
const Q_UNMEASURED = 0.5;

/** Most tokens of the texts of rules that one session may see, hard rules included. */
const RULE_TOKENS = 1_500;

/** A session before it starts, and the rules of the commit that it works on. Order within the lists does not matter. */
export type RuleDraw = {
  /** Id of the run; the same seed gives the same arms, so that a retry cannot draw again. */
  readonly seed: string;
  readonly target: string;
  /** Globs of the files that the session may change. */
  readonly paths: readonly string[];
  /** Kinds and operations of the findings that the session is shown. */
  readonly findings: readonly FindingKind[];
  readonly tools: readonly string[];
  readonly rules: readonly Rule[];
  /** RFC 3339. */
  readonly now: string;
  /** Probability of showing a rule, from what was measured of it; {@link Q_UNMEASURED} where absent. */
  readonly q?: ReadonlyMap<string, number>;
  readonly tokenBudget?: number;
};

/** Why a rule had no part in a session. */
export type LeftOut = {
  readonly rule: string;
  readonly why: "state" | "target" | "expired" | "findings" | "tools" | "paths" | "budget";
};

/** What a session is to see, what was drawn, and what had no part in it. */
export type RulesInForce = {
  /** Hard rules first, then the assigned ones, strongest first. */
  readonly rules: readonly Rule[];
  /** Every rule that applied, hard ones with q = 1; by rule id. */
  readonly arms: readonly Arm[];
  readonly leftOut: readonly LeftOut[];
};

/**
 * The rules in force for one session, each drawn by itself: u = the first 53 bits of SHA-256(`seed:rule:version`) / 2^53,
 * shown iff u < q. Which rules apply is decided before the draw, from what is known before the session; the token budget
 * too (strongest effect first), so that every draw can be analysed by its assignment. Hard rules are always shown. Pure.
 */
export function rulesInForce(draw: RuleDraw): RulesInForce {
  const ranked = draw.rules.toSorted(byStrength);
  const leftOut: LeftOut[] = [];
  const shown: Rule[] = [];
  const arms: Arm[] = [];
  let room = draw.tokenBudget ?? RULE_TOKENS;
  for (const rule of ranked) {
    const tokens = ruleTokens(rule);
    // Safety constraints are shown whatever they cost.
    const why = unfit(rule, draw) ?? (rule.hard === undefined && tokens > room ? "budget" : undefined);
    if (why !== undefined) {
      leftOut.push({ rule: rule.id, why });
      continue;
    }
    room -= tokens;
    const arm = armOf(rule, draw);
    arms.push(arm);
    if (arm.assigned) shown.push(rule);
  }
  return { rules: shown, arms: arms.toSorted(byRule), leftOut: leftOut.toSorted(byRule) };
}

/** Tokens that a rule costs a session, estimated on the high side: those of its line in the context. */
export function ruleTokens(rule: Pick<Rule, "text">): number {
  return estimateTokens(`${ruleLine(rule)}\n`);
}

function armOf(rule: Rule, { seed, q }: RuleDraw): Arm {
  const { id, version, hard } = rule;
  if (hard !== undefined) return { rule: id, version, assigned: true, q: 1 };
  const probability = q?.get(id) ?? Q_UNMEASURED;
  return { rule: id, version, assigned: uniformOf(`${seed}:${id}:${version}`) < probability, q: probability };
}

/** A number in [0, 1) that belongs to the text. */
function uniformOf(text: string): number {
  return Number(BigInt(`0x${sha256(text).slice(0, 14)}`) >> 3n) / 2 ** 53;
}

/** Why a rule does not apply; undefined when it does. */
function unfit(rule: Rule, draw: RuleDraw): LeftOut["why"] | undefined {
  const { scope } = rule;
  if (rule.state !== "active") return "state";
  if (scope.target !== draw.target) return "target";
  if (parseInstant(rule.expires, 0n) <= parseInstant(draw.now, 0n)) return "expired";
  if (!scope.findings.some((kind) => draw.findings.includes(kind))) return "findings";
  if (scope.tools !== undefined && !scope.tools.some((tool) => draw.tools.includes(tool))) return "tools";
  return pathsMeet(scope.paths, draw.paths) ? undefined : "paths";
}

/**
 * Whether a rule for some paths may concern a session on others; no path means all. Two globs may meet when one lies in
 * the folder of the other.
 */
function pathsMeet(scope: readonly string[], session: readonly string[]): boolean {
  const [own, others] = [folders(scope), folders(session)];
  if (own.length === 0 || others.length === 0) return true;
  return own.some((a) => others.some((b) => a.startsWith(b) || b.startsWith(a)));
}

/** What stands before the first wildcard of each glob; what a glob takes out again is not looked at. */
function folders(globs: readonly string[]): string[] {
  return globs.filter((glob) => !glob.startsWith("!")).map((glob) => glob.replace(/[*?[{(].*$/, ""));
}

function byRule(a: { readonly rule: string }, b: { readonly rule: string }): number {
  return a.rule < b.rule ? -1 : a.rule > b.rule ? 1 : 0;
}
