import { quantile, sortedAscending } from "../../stats/quantile.ts";
import { callMs, type Call } from "../calls.ts";
import { median, shareOf, sum } from "../rating.ts";
import type { Observation, Population } from "./observe.ts";

/** What calls of one context usually do, as the baseline shows it. */
export type Habit = {
  readonly calls: number;
  /** Own time that is exceeded in one call of a hundred, ms. */
  readonly ownBoundMs: number;
  /** Length that is exceeded in one call of a hundred, ms. */
  readonly lengthBoundMs: number;
  /** Children of good calls, earliest first. */
  readonly children: readonly UsualChild[];
};

/** A child that good calls have, and the share of them that do. */
export type UsualChild = { readonly child: Call; readonly share: number };

/** What is usual per context, and which failures callers usually put up with. */
export type Habits = {
  readonly of: ReadonlyMap<string, Habit>;
  /** Pairs of caller and callee (`caller\ncallee`) whose failures did no harm in the baseline. */
  readonly tolerated: ReadonlySet<string>;
};

/** Share of a child's failures that its caller survives for them to be tolerated, and how many it takes to say so. */
const TOLERATED = 0.5;
const LEAST_TOLERATED = 5;

/** Learns what is usual from the baseline. */
export function learnHabits(baseline: Population): Habits {
  const of = new Map<string, Habit>();
  for (const [context, observations] of baseline.byContext) of.set(context, habitOf(observations));
  return { of, tolerated: toleratedPairs(baseline) };
}

function habitOf(observations: readonly Observation[]): Habit {
  const good = observations.filter(({ call }) => !call.failed);
  const bound = (values: readonly number[]): number =>
    values.length === 0 ? Number.POSITIVE_INFINITY : quantile(sortedAscending(values), 0.99);
  return {
    calls: good.length,
    ownBoundMs: bound(good.map(({ ownMs }) => ownMs)),
    lengthBoundMs: bound(good.map(({ call }) => callMs(call))),
    children: usualChildren(good),
  };
}

function usualChildren(good: readonly Observation[]): UsualChild[] {
  const seen = new Map<string, { child: Call; starts: number[] }>();
  for (const { call } of good) {
    for (const [key, [child]] of Map.groupBy(call.children, (each) => each.key)) {
      if (child === undefined) continue;
      const entry = seen.get(key) ?? { child, starts: [] };
      entry.starts.push(child.start - call.start);
      seen.set(key, entry);
    }
  }
  return [...seen.values()]
    .map(({ child, starts }) => ({ child, start: median(starts), share: starts.length / good.length }))
    .sort((a, b) => a.start - b.start || (a.child.key < b.child.key ? -1 : 1));
}

/** `caller\ncallee` of a call that has a caller. */
export function pairOf(child: Call): string {
  return `${child.parent?.key ?? ""}\n${child.key}`;
}

function toleratedPairs(baseline: Population): ReadonlySet<string> {
  const failures = new Map<string, boolean[]>();
  for (const { call } of baseline.ofCall.values()) {
    if (!call.failed || call.parent === undefined) continue;
    const pair = pairOf(call);
    const survived = failures.get(pair);
    if (survived === undefined) failures.set(pair, [!call.parent.failed]);
    else survived.push(!call.parent.failed);
  }
  const tolerated = [...failures].filter(
    ([, survived]) =>
      survived.length >= LEAST_TOLERATED && shareOf(sum(survived.map(Number)), survived.length) >= TOLERATED,
  );
  return new Set(tolerated.map(([pair]) => pair));
}
