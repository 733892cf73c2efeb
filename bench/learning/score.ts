import type { Fate, Policy } from "./policies.ts";
import { makeWorld, type TruthKind } from "./world.ts";

/** What a policy did over many repositories. */
export type Score = {
  readonly repositories: number;
  /** Rules of each kind by what became of them. */
  readonly fates: Readonly<Record<TruthKind, ReadonlyMap<Fate, number>>>;
  /** Successes lost against the oracle per 100 sessions. */
  readonly regret: number;
};

/** Largest accepted share of harmful rules that are not retired, and of useless ones that are kept as helpful. */
export const BOUNDS = { harmfulLeft: 0.05, uselessKept: 0.05 } as const;

/** Lets a policy keep the rules of `repositories` made-up repositories; the same number gives the same ones. */
export function scorePolicy(policy: Policy, repositories: number): Score {
  const fates = { helpful: new Map(), useless: new Map(), harmful: new Map() } satisfies Score["fates"] as Record<
    TruthKind,
    Map<Fate, number>
  >;
  let [lost, sessions] = [0, 0];
  for (let i = 0; i < repositories; i += 1) {
    const world = makeWorld(`repository-${i}`);
    const run = policy(world);
    lost += run.regret;
    sessions += run.sessions;
    for (const { kind, rule } of world.rules) {
      const fate = run.fates.get(rule.id) ?? "in trial";
      fates[kind].set(fate, (fates[kind].get(fate) ?? 0) + 1);
    }
  }
  return { repositories, fates, regret: (100 * lost) / sessions };
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
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return [
    ...(retired < 1 - BOUNDS.harmfulLeft ? [`only ${percent(retired)} of the harmful rules were retired`] : []),
    ...(kept > BOUNDS.uselessKept ? [`${percent(kept)} of the useless rules were kept as helpful`] : []),
  ];
}
