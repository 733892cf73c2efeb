import type { OperationName, StructuralChange } from "../../model/regression.ts";
import type { PermutationTest } from "../../stats/permutation.ts";
import { contrast, type Contrast, type Sides, type Tally } from "./contrast.ts";
import { pairOf, type Profile, type TraceUnit } from "./profile.ts";

/** A relation between two operations, compared but not judged yet. */
export type Relation = {
  readonly kind: "share" | "multiplicity" | "order";
  readonly parent: string;
  /** The call that the relation is about. */
  readonly child: string;
  /** Order only: the call that ended before `child` began. */
  readonly other?: string;
  readonly before: number;
  readonly after: number;
  /** Two-sided. */
  readonly test: PermutationTest;
};

/** Every relation of operations that were called in both sets: who calls whom, how often, in which order. */
export function relationsOf(profiles: Sides<Profile>): readonly Relation[] {
  const found: Relation[] = [];
  for (const parent of profiles.before.operations.keys()) {
    if (!profiles.after.operations.has(parent)) continue;
    for (const child of keysOfBoth(profiles, "edges", parent)) found.push(...edgeRelations(profiles, parent, child));
    for (const pair of keysOfBoth(profiles, "pairs", parent)) found.push(...orderRelations(profiles, parent, pair));
  }
  return found;
}

function keysOfBoth({ before, after }: Sides<Profile>, what: "edges" | "pairs", parent: string): ReadonlySet<string> {
  return new Set([...(before[what].get(parent)?.keys() ?? []), ...(after[what].get(parent)?.keys() ?? [])]);
}

function edgeRelations(profiles: Sides<Profile>, parent: string, child: string): Relation[] {
  const shares = (side: keyof Sides<unknown>): Tally[] => {
    const edge = profiles[side].edges.get(parent)?.get(child);
    const calls = [...(profiles[side].operations.get(parent) ?? [])];
    return calls.map(([unit, of]) => ({ unit, trials: of.durationsMs.length, sum: edge?.get(unit)?.withChild ?? 0 }));
  };
  const share = contrast({ before: shares("before"), after: shares("after") }, 1);
  const multiplicity = contrastOf(profiles, (profile) =>
    tallies(profile.edges.get(parent)?.get(child), ({ withChild, children }) => [withChild, children]),
  );
  return [
    ...relation({ kind: "share", parent, child }, share),
    ...relation({ kind: "multiplicity", parent, child }, multiplicity),
  ];
}

function orderRelations(profiles: Sides<Profile>, parent: string, key: string): Relation[] {
  const [one, two] = pairOf(key);
  const compared = (direction: "forward" | "backward") =>
    contrastOf(profiles, (profile) => tallies(profile.pairs.get(parent)?.get(key), (of) => [of.both, of[direction]]));
  return [
    ...relation({ kind: "order", parent, child: two, other: one }, compared("forward")),
    ...relation({ kind: "order", parent, child: one, other: two }, compared("backward")),
  ];
}

function contrastOf(profiles: Sides<Profile>, tally: (profile: Profile) => Tally[]): Contrast | null {
  return contrast({ before: tally(profiles.before), after: tally(profiles.after) }, 1);
}

function tallies<T>(
  byTrace: ReadonlyMap<TraceUnit, T> | undefined,
  count: (of: T) => readonly [number, number],
): Tally[] {
  return [...(byTrace ?? [])].map(([unit, of]) => {
    const [trials, sum] = count(of);
    return { unit, trials, sum };
  });
}

function relation(what: Pick<Relation, "kind" | "parent" | "child" | "other">, found: Contrast | null): Relation[] {
  if (found === null) return [];
  const { before, after, greater, smaller } = found;
  const test = {
    p: Math.min(1, 2 * Math.min(greater.p, smaller.p)),
    least: Math.min(1, 2 * Math.min(greater.least, smaller.least)),
  };
  return [{ ...what, before: before.ratio, after: after.ratio, test }];
}

/** What a changed relation is called. */
export function changeOf({ kind, before, after }: Relation): StructuralChange["change"] {
  const rose = after > before;
  switch (kind) {
    case "share":
      if (before === 0) return "appeared";
      if (after === 0) return "vanished";
      return rose ? "more_frequent" : "less_frequent";
    case "multiplicity":
      return "multiplicity";
    case "order":
      return rose ? "now_sequential" : "now_concurrent";
  }
}

/** A relation that changed, and what the report says of it. */
export type Changed = { readonly report: StructuralChange; readonly relation: Relation };

/**
 * Brings together what is one change: a call that moved to another parent, and two calls that changed places. Only
 * decided changes are brought together.
 */
export function combined(changes: readonly Changed[], profiles: Sides<Profile>): readonly StructuralChange[] {
  const decided = changes.filter(({ report }) => report.verdict !== "inconclusive");
  const absorbed = new Set<Changed>();
  const moved = decided.flatMap((gone) => movedTo(gone, { decided, profiles, absorbed }));
  const reversed = decided.flatMap((fewer) => reversedWith(fewer, { decided, absorbed }));
  const rest = changes.filter((change) => !absorbed.has(change)).map(({ report }) => report);
  return [...moved, ...reversed, ...rest];
}

type Gathering = { readonly decided: readonly Changed[]; readonly absorbed: Set<Changed> };

function movedTo(
  gone: Changed,
  { decided, profiles, absorbed }: Gathering & { readonly profiles: Sides<Profile> },
): StructuralChange[] {
  if (gone.report.change !== "vanished") return [];
  const { child } = gone.relation;
  const isNew = (parent: string): boolean =>
    profiles.after.edges.get(parent)?.has(child) === true && profiles.before.edges.get(parent)?.has(child) !== true;
  const [key, ...more] = [...profiles.after.edges.keys()].filter(isNew);
  const parent = key === undefined ? undefined : profiles.after.names.get(key);
  if (key === undefined || parent === undefined || more.length > 0) return [];
  absorbed.add(gone);
  const come = decided.find(({ report, relation }) => report.change === "appeared" && isEdge(relation, key, child));
  if (come !== undefined) absorbed.add(come);
  const after = come?.report.after ?? shareOfCalls(profiles.after, key, child);
  return [{ ...gone.report, change: "parent_changed", parent, other: gone.report.parent, after }];
}

/** Share of a parent's calls that make a call. */
function shareOfCalls({ operations, edges }: Profile, parent: string, child: string): number {
  let [calls, withChild] = [0, 0];
  for (const [unit, { durationsMs }] of operations.get(parent) ?? []) {
    calls += unit.weight * durationsMs.length;
    withChild += unit.weight * (edges.get(parent)?.get(child)?.get(unit)?.withChild ?? 0);
  }
  return calls === 0 ? 0 : withChild / calls;
}

const isEdge = (relation: Relation, parent: string, child: string): boolean =>
  relation.parent === parent && relation.child === child;

function reversedWith(fewer: Changed, { decided, absorbed }: Gathering): StructuralChange[] {
  if (fewer.report.change !== "now_concurrent") return [];
  const { parent, child, other } = fewer.relation;
  const more = decided.find(
    ({ report, relation }) =>
      report.change === "now_sequential" && isEdge(relation, parent, other ?? "") && relation.other === child,
  );
  if (more === undefined) return [];
  absorbed.add(fewer).add(more);
  return [{ ...more.report, change: "order_reversed" }];
}

/** Names for the keys of a relation. */
export function namesOf(relation: Relation, { before, after }: Sides<Profile>) {
  const name = (key: string): OperationName =>
    before.names.get(key) ?? after.names.get(key) ?? { service: "", operation: key, kind: "internal" };
  const other = relation.other === undefined ? {} : { other: name(relation.other) };
  return { ...name(relation.child), parent: name(relation.parent), ...other };
}
