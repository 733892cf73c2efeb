import type { SpanRule } from "../spec.ts";
import { assignRows } from "./assignment.ts";

/** Rules of one scope with the spans that each could be fulfilled by, and what a span would cost a rule. */
export type Share = {
  readonly rules: readonly SpanRule[];
  readonly pools: ReadonlyMap<SpanRule, readonly number[]>;
  readonly least: (rule: SpanRule) => number;
  /** How badly a span fulfils a rule: 0 is without fault, always below {@link UNFILLED}. */
  readonly cost: (rule: SpanRule, at: number) => number;
};

/** Which spans each rule gets, and whether they were shared out by the exact method. */
export type Shared = { readonly spans: ReadonlyMap<SpanRule, readonly number[]>; readonly exact: boolean };

/** Cost of an expected span that is not found, far above every fault of one that is. */
const MISSING = 1e6;
/** Cost of a place that may stay empty: taking a faulty span is better, since it is then explained. */
export const UNFILLED = 1e4;
/** Breaks ties so that earlier rules get earlier spans. */
const TIE = 1e-6;
/** Largest matrix for the exact method; above it the cheapest pairs are taken first. */
const MOST_CELLS = 40_000;

/**
 * Shares the spans of a scope out among its rules: each span fulfils one rule, no rule gets more than its most. First as
 * few rules as possible go short, then the faults of the spans weigh least, then order decides.
 */
export function shareSpans(share: Share): Shared {
  const spans = new Map<SpanRule, readonly number[]>();
  let exact = true;
  for (const group of groupsOf(share)) {
    const [only] = group;
    if (group.length === 1 && only !== undefined) {
      spans.set(only, bestOf(only, share));
      continue;
    }
    const shared = shareExactly(group, share) ?? shareGreedily(group, share);
    exact &&= shared.exact;
    for (const [rule, positions] of shared.spans) spans.set(rule, positions);
  }
  return { spans, exact };
}

/** Rules that compete for the same spans, together; most compete with none. */
function groupsOf({ rules, pools }: Share): SpanRule[][] {
  const groups = new Map<SpanRule, SpanRule[]>(rules.map((rule) => [rule, [rule]]));
  const owner = new Map<number, SpanRule>();
  for (const rule of rules) {
    for (const at of pools.get(rule) ?? []) {
      const other = owner.get(at);
      if (other === undefined) owner.set(at, rule);
      else join(groups, rule, other);
    }
  }
  return [...new Set(groups.values())];
}

function join(groups: Map<SpanRule, SpanRule[]>, rule: SpanRule, other: SpanRule): void {
  const [into, from] = [groups.get(other) ?? [], groups.get(rule) ?? []];
  if (into === from) return;
  into.push(...from);
  for (const member of from) groups.set(member, into);
}

/** The spans of a rule without competition: all, or those with the fewest faults, in their order. */
function bestOf(rule: SpanRule, { pools, cost }: Share): readonly number[] {
  const pool = pools.get(rule) ?? [];
  const { max } = rule.count;
  if (pool.length <= max) return pool;
  const ranked = pool.map((at) => ({ at, cost: cost(rule, at) })).sort((a, b) => a.cost - b.cost || a.at - b.at);
  return ranked
    .slice(0, max)
    .map(({ at }) => at)
    .sort((a, b) => a - b);
}

type Place = { readonly rule: SpanRule; readonly price: number };

function shareExactly(group: readonly SpanRule[], share: Share): Shared | undefined {
  const most = group.reduce((sum, rule) => sum + mostOf(rule, share), 0);
  const nodes = most > MOST_CELLS ? [] : unionOf(group, share);
  if (most * (nodes.length + most) > MOST_CELLS) return undefined;
  const places = placesOf(group, share);
  const costs = places.map(({ rule, price }, row) => {
    const pool = new Set(share.pools.get(rule));
    const found = nodes.map((at, column) =>
      pool.has(at) ? share.cost(rule, at) + TIE * Math.abs(row - column) : MISSING * 10,
    );
    return [...found, ...places.map(() => price)];
  });
  const spans = new Map<SpanRule, number[]>(group.map((rule) => [rule, []]));
  for (const [row, column] of assignRows(costs).entries()) {
    const [place, at] = [places[row], nodes[column]];
    if (place !== undefined && at !== undefined && (costs[row]?.[column] ?? 0) < MISSING * 10) {
      spans.get(place.rule)?.push(at);
    }
  }
  for (const list of spans.values()) list.sort((a, b) => a - b);
  return { spans, exact: true };
}

/** One place for every span that a rule must or may have, no more than there are spans for it. */
function placesOf(group: readonly SpanRule[], share: Share): Place[] {
  return group.flatMap((rule) => {
    const most = mostOf(rule, share);
    const least = Math.min(share.least(rule), most);
    return Array.from({ length: most }, (_, i) => ({ rule, price: i < least ? MISSING : UNFILLED }));
  });
}

function mostOf(rule: SpanRule, { pools }: Share): number {
  return Math.min(rule.count.max, pools.get(rule)?.length ?? 0);
}

function unionOf(group: readonly SpanRule[], { pools }: Share): number[] {
  return [...new Set(group.flatMap((rule) => pools.get(rule) ?? []))].sort((a, b) => a - b);
}

/** Takes the cheapest pair of rule and span again and again, first until every rule has its least. */
function shareGreedily(group: readonly SpanRule[], share: Share): Shared {
  const pairs = group
    .flatMap((rule, order) =>
      (share.pools.get(rule) ?? []).map((at) => ({ rule, order, at, cost: share.cost(rule, at) })),
    )
    .sort((a, b) => a.cost - b.cost || a.order - b.order || a.at - b.at);
  const spans = new Map<SpanRule, number[]>(group.map((rule) => [rule, []]));
  const taken = new Set<number>();
  for (const limit of [share.least, (rule: SpanRule) => rule.count.max]) {
    for (const { rule, at } of pairs) {
      const own = spans.get(rule) ?? [];
      if (taken.has(at) || own.length >= limit(rule)) continue;
      own.push(at);
      taken.add(at);
    }
  }
  for (const list of spans.values()) list.sort((a, b) => a - b);
  return { spans, exact: false };
}
