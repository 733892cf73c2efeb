import { evidencePath, SHOWN, WORTH_ITS_COST } from "../../src/learn/anytime.ts";
import type { Trial } from "../../src/learn/trials.ts";
import { jeffreysInterval } from "../../src/stats/proportion.ts";
import { createRandom, type Random } from "../../src/stats/random.ts";

/** Sessions of each made-up rule; looked at after every one. */
export const SESSIONS = 1_200;

/** Share of the sessions that succeed without the rule, over time: what the promise must not hang on. */
export const DIFFICULTIES: Readonly<Record<string, (session: number) => number>> = {
  "as hard as ever": () => 0.5,
  "nearly all fail": () => 0.1,
  "nearly all pass": () => 0.93,
  "ever easier": (session) => 0.1 + (0.8 * session) / SESSIONS,
  "good and bad weeks": (session) => 0.5 + 0.44 * Math.sin(session / 40),
  "now easy, now hard": (session) => (session % 200 < 100 ? 0.9 : 0.1),
};

/** How often each false claim was ever made of rules of which it is false. */
export type FalseClaims = {
  readonly difficulty: string;
  readonly rules: number;
  /** Of rules without effect: ever said to help. */
  readonly saidToHelp: number;
  /** Of rules that raise every session's chance by 5 points: ever said not to be worth their tokens. */
  readonly saidToWaste: number;
};

/** Counts the false claims about `rules` rules of each kind; the same number gives the same rules. */
export function falseClaims(difficulty: string, rules: number): FalseClaims {
  const base = DIFFICULTIES[difficulty] ?? (() => 0.5);
  const count = (effect: number, claim: "helps" | "wastes"): number => {
    const random = createRandom(`${difficulty}-${effect}`);
    return Array.from({ length: rules }, () => everShown(random, { base, effect, claim })).filter(Boolean).length;
  };
  return {
    difficulty,
    rules,
    saidToHelp: count(0, "helps"),
    saidToWaste: count(WORTH_ITS_COST, "wastes"),
  };
}

type Truth = {
  readonly base: (session: number) => number;
  readonly effect: number;
  readonly claim: "helps" | "wastes";
};

/** One rule over its sessions, shown the more often the better it looks. */
function everShown(random: Random, { base, effect, claim }: Truth): boolean {
  const trials: Trial[] = [];
  const arms = { shown: { passed: 1, of: 2 }, heldOut: { passed: 1, of: 2 } };
  for (let i = 0; i < SESSIONS; i += 1) {
    const { shown, heldOut } = arms;
    const q = Math.min(0.85, Math.max(0.15, 0.5 + 3 * (shown.passed / shown.of - heldOut.passed / heldOut.of)));
    const assigned = random.uniform() < q;
    const validated = random.uniform() < base(i) + (assigned ? effect : 0);
    const arm = assigned ? shown : heldOut;
    arm.of += 1;
    arm.passed += validated ? 1 : 0;
    trials.push({ rule: "one", version: 1, assigned, q, validated, held: undefined, costUsd: 0 });
  }
  for (const now of evidencePath(trials, (trial) => trial.validated)) if (now[claim] >= SHOWN) return true;
  return false;
}

/** The promises that these counts break for sure: more than 5 % even at the lower end of the 99 % interval. */
export function brokenPromises({ difficulty, rules, saidToHelp, saidToWaste }: FalseClaims): string[] {
  const broken = (count: number): boolean => jeffreysInterval({ successes: count, trials: rules }, 0.99).low > 0.05;
  return [
    ...(broken(saidToHelp) ? [`${difficulty}: ${saidToHelp} of ${rules} useless rules were said to help`] : []),
    ...(broken(saidToWaste) ? [`${difficulty}: ${saidToWaste} of ${rules} good rules were said to waste tokens`] : []),
  ];
}
