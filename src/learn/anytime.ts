/**
 * Evidence about a rule that stays valid however often it is looked at. Whether a session saw the rule was drawn with a
 * known probability q, so X = (Y − m)(A/q − (1 − A)/(1 − q)) has the session's effect as its mean, however hard the session
 * is and however q was chosen from what was known before: Y its success, A the draw, m the share of successes so far. Where
 * no session's effect is above d, each stake λ ≥ 0 that is fixed before the draw makes Π(1 + λ(X − d)) a non-negative
 * supermartingale (testing by betting: Waudby-Smith & Ramdas 2024; by design: Ham, Bojinov, Lindon & Tingley 2023), so
 * it ever reaches 1/α with a probability of at most α (Ville). Stakes are those of effects of several sizes; the mean of
 * their products has the same property.
 */
import type { EvidenceOfRule } from "../model/learning.ts";
import type { Success, Trial } from "./trials.ts";

/** What a rule must raise the share of sessions that succeed by to be worth its tokens: 5 points. */
export const WORTH_ITS_COST = 0.05;

/** What is claimed at an e-value of this is wrong with a probability of 1/20 at most. */
export const SHOWN = 20;

/** Sizes of effects that are bet on. */
export const BETS = [0.06, 0.1, 0.15, 0.2] as const;

/** Most of its wealth that a bet may lose in one session. */
const MOST_LOST = 0.75;

/** The e-values after a session. `wastes` is against "it raises every session's success by {@link WORTH_ITS_COST}". */
export type EValues = { readonly helps: number; readonly wastes: number };

/**
 * The evidence of one version of a rule, from its trials in the order of their draws: the most that each e-value ever came
 * to. It ends before the first session of which nothing is known yet: which sessions end late may hang on the rule.
 */
export function anytimeEvidence(
  trials: readonly Trial[],
  success: Success = ({ validated }) => validated,
): EvidenceOfRule {
  let [helps, wastes, sessions] = [1, 1, 0];
  for (const now of evidencePath(trials, success)) {
    [helps, wastes] = [Math.max(helps, now.helps), Math.max(wastes, now.wastes)];
    sessions += 1;
  }
  return { helps, wastes, sessions };
}

/** The e-values after each session, as they then are. */
export function* evidencePath(trials: readonly Trial[], success: Success): Generator<EValues> {
  const [better, worse] = [BETS.map(() => 1), BETS.map(() => 1)];
  let [successes, sessions] = [0, 0];
  for (const trial of trials) {
    const hit = success(trial);
    if (hit === undefined) return;
    const { assigned, q } = trial;
    const mean = (successes + 1) / (sessions + 2);
    const x = (Number(hit) - mean) * (assigned ? 1 / q : -1 / (1 - q));
    const spread = (mean * (1 - mean)) / (q * (1 - q));
    bet(better, { gain: x, worst: Math.max(mean / q, (1 - mean) / (1 - q)), spread });
    const worst = Math.max((1 - mean) / q, mean / (1 - q)) - WORTH_ITS_COST;
    bet(worse, { gain: WORTH_ITS_COST - x, worst, spread });
    successes += Number(hit);
    sessions += 1;
    yield { helps: meanOf(better), wastes: meanOf(worse) };
  }
}

/** What a session brings per unit of stake, the most that it can take, and the variance of it. */
type Stake = { readonly gain: number; readonly worst: number; readonly spread: number };

/** The stake that makes wealth grow fastest if the effect is of the bet's size is size / variance. */
function bet(wealth: number[], { gain, worst, spread }: Stake): void {
  for (const [i, size] of BETS.entries()) {
    const stake = Math.min(size / spread, MOST_LOST / worst);
    wealth[i] = Math.min(LARGEST, (wealth[i] ?? 1) * (1 + stake * gain));
  }
}

/** Far beyond every threshold, and still a number of JSON. */
const LARGEST = 1e300;

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value / values.length, 0);
}
