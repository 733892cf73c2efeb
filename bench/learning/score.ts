import type { Claims, Fate, Policy } from "./policies.ts";
import { makeWorld, type TruthKind } from "./world.ts";

/** What a policy did over many repositories. */
export type Score = {
  readonly repositories: number;
  /** Rules of each kind by what became of them. */
  readonly fates: Readonly<Record<TruthKind, ReadonlyMap<Fate, number>>>;
  /** Of the rules of each kind, those of which it was ever said that they help. */
  readonly claims: Readonly<Record<keyof Claims, Readonly<Record<TruthKind, number>>>>;
  /** Successes lost against the oracle per 100 sessions. */
  readonly regret: number;
};

/**
 * Largest accepted shares: of harmful rules that are not retired, of useless ones that are kept as helpful, of useless ones
 * that are said to help at any look, and of helpful ones that are retired for their effect.
 */
export const BOUNDS = { harmfulLeft: 0.05, uselessKept: 0.05, uselessClaimed: 0.05, helpfulRetired: 0.05 } as const;

/** Lets a policy keep the rules of `repositories` made-up repositories; the same number gives the same ones. */
export function scorePolicy(policy: Policy, repositories: number): Score {
  const fates = { helpful: new Map(), useless: new Map(), harmful: new Map() } satisfies Score["fates"] as Record<
    TruthKind,
    Map<Fate, number>
  >;
  const counts = { shown: { ...NONE }, posterior: { ...NONE } };
  let [lost, sessions] = [0, 0];
  for (let i = 0; i < repositories; i += 1) {
    const world = makeWorld(`repository-${i}`);
    const run = policy(world);
    lost += run.regret;
    sessions += run.sessions;
    for (const { kind, rule } of world.rules) {
      const fate = run.fates.get(rule.id) ?? "in trial";
      fates[kind].set(fate, (fates[kind].get(fate) ?? 0) + 1);
      if (run.claims?.shown.has(rule.id)) counts.shown[kind] += 1;
      if (run.claims?.posterior.has(rule.id)) counts.posterior[kind] += 1;
    }
  }
  return { repositories, fates, claims: counts, regret: (100 * lost) / sessions };
}

const NONE = { helpful: 0, useless: 0, harmful: 0 };

/** Share of the rules of a kind of which it was ever said that they help. */
export function claimed({ fates, claims }: Score, kind: TruthKind, by: keyof Claims): number {
  return claims[by][kind] / [...fates[kind].values()].reduce((sum, count) => sum + count, 0);
}

/** Share of the rules of a kind that met one of these fates. */
export function shareOf({ fates }: Score, kind: TruthKind, among: readonly Fate[]): number {
  const all = [...fates[kind].values()].reduce((sum, count) => sum + count, 0);
  return among.reduce((sum, fate) => sum + (fates[kind].get(fate) ?? 0), 0) / all;
}

/** The bounds that a score breaks, in words; none when it keeps both. */
export function brokenBounds(score: Score): string[] {
  const retired = shareOf(score, "harmful", ["retired: effect", "retired: expiry"]);
  const kept = shareOf(score, "useless", ["helpful"]);
  const said = claimed(score, "useless", "shown");
  const lost = shareOf(score, "helpful", ["retired: effect"]);
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return [
    ...(retired < 1 - BOUNDS.harmfulLeft ? [`only ${percent(retired)} of the harmful rules were retired`] : []),
    ...(said > BOUNDS.uselessClaimed ? [`${percent(said)} of the useless rules were said to help at some time`] : []),
    ...(lost > BOUNDS.helpfulRetired ? [`${percent(lost)} of the helpful rules were retired for their effect`] : []),
    ...(kept > BOUNDS.uselessKept ? [`${percent(kept)} of the useless rules were kept as helpful`] : []),
  ];
}
