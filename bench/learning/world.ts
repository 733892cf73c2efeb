import { expiryFrom, LIFETIME_NS } from "../../src/learn/decide.ts";
import type { Rule } from "../../src/model/outcome.ts";
import { formatInstant } from "../../src/model/time.ts";
import { createRandom, type Random, randomInteger, randomNormal } from "../../src/stats/random.ts";

/** What a rule truly does to the probability that a session's proposal passes validation. */
export type TruthKind = "helpful" | "useless" | "harmful";

/** A rule with its truth, which nothing that learns may look at. */
export type TrueRule = { readonly rule: Rule; readonly kind: TruthKind; readonly effect: number };

/** A repository over two lifetimes of its rules. */
export type World = {
  readonly name: string;
  readonly rules: readonly TrueRule[];
  readonly sessions: readonly WorldSession[];
};

/** One session: when, which rules apply to it, and how probable success is without any rule. */
export type WorldSession = {
  readonly id: string;
  /** ns since the Unix epoch. */
  readonly at: bigint;
  readonly applicable: readonly string[];
  readonly base: number;
};

const START_NS = 1_790_000_000_000_000_000n;
/** A day on which rules that were renewed once have expired. */
export const END = formatInstant(START_NS + 3n * LIFETIME_NS);

/** Rules are watched for two of their lifetimes: 180 days. */
const SPAN_NS = 2 * Number(LIFETIME_NS);

const MIX: readonly (readonly [TruthKind, number, number])[] = [
  ["helpful", 0.08, 0.2],
  ["useless", 0, 0],
  ["harmful", -0.25, -0.08],
];
const PER_KIND = 2;

/**
 * Makes a repository up: 2 rules each that raise the success of a session by 8 to 20 points, do nothing, or lower it by 8
 * to 25; 240 to 960 sessions in 180 days, as a hub with a few busy servers has them; base success 45 to 75 %, drifting,
 * with easy and hard sessions; a rule applies to 80 % of them.
 */
export function makeWorld(seed: string): World {
  const random = createRandom(seed);
  const between = (low: number, high: number): number => low + (high - low) * random.uniform();
  const rules = MIX.flatMap(([kind, low, high]) =>
    Array.from({ length: PER_KIND }, (_, i) => ({ kind, effect: between(low, high), rule: ruleOf(`${kind}-${i}`) })),
  );
  const sessions = makeSessions(
    random,
    rules.map(({ rule }) => rule.id),
  );
  return { name: seed, rules, sessions };
}

function makeSessions(random: Random, rules: readonly string[]): WorldSession[] {
  const count = 240 + randomInteger(random, 721);
  const [base, drift] = [0.45 + 0.3 * random.uniform(), 0.2 * (random.uniform() - 0.5)];
  return Array.from({ length: count }, (_, i) => ({
    id: `r-${i}`,
    at: START_NS + BigInt(Math.round((i / count) * SPAN_NS)),
    applicable: rules.filter(() => random.uniform() < 0.8),
    base: base + drift * (i / count - 0.5) + 0.1 * randomNormal(random),
  }));
}

/** Probability of success with these rules shown. */
export function successProbability({ base }: WorldSession, shown: readonly TrueRule[]): number {
  const raised = shown.reduce((sum, { effect }) => sum + effect, base);
  return Math.min(0.97, Math.max(0.03, raised));
}

function ruleOf(id: string): Rule {
  return {
    schema: "whetstone.rule/1",
    id,
    version: 1,
    state: "active",
    text: `Do as ${id} says.`,
    scope: { target: "hub", findings: ["n_plus_one"], paths: [] },
    created: formatInstant(START_NS),
    expires: expiryFrom(formatInstant(START_NS)),
  };
}
