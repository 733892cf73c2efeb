import type { Span } from "../../model/span.ts";
import type { SpanRule } from "../spec.ts";
import { matchCost } from "./cost.ts";
import { nodeAt, type MatchContext } from "./context.ts";
import { poolOf, WHOLE_TRACE } from "./pool.ts";
import { shareSpans } from "./share.ts";

/** What the rules of one place got: the trace as a whole, or what is under one matched span. */
export type ScopeMatch = {
  /** Position of the span above; {@link WHOLE_TRACE} at the top. */
  readonly within: number;
  /** The rule of the span above; absent at the top. */
  readonly above: SpanRule | undefined;
  readonly rules: readonly SpanRule[];
  readonly spans: ReadonlyMap<SpanRule, readonly number[]>;
};

/** All places of a trace, each before those below it, and whether every choice was made by the exact method. */
export type TraceMatch = { readonly scopes: readonly ScopeMatch[]; readonly exact: boolean };

/**
 * Finds a span for every expected span. In each place the spans are shared out among the expected ones at the least total
 * of missing spans and faults (see {@link shareSpans}); one span fulfils one expected span in the whole trace. Expected
 * spans with children choose first, the deepest span first, since what is under it is under those above it too.
 */
export function matchTrace(context: MatchContext): TraceMatch {
  const scopes: ScopeMatch[] = [];
  let exact = true;
  const cost = matchCost(context);
  const matchScope = (rules: readonly SpanRule[], within: number, above: SpanRule | undefined): void => {
    const share = (some: readonly SpanRule[]): ReadonlyMap<SpanRule, readonly number[]> => {
      const pools = new Map(some.map((rule) => [rule, oneSided(context, rule, { within, cost })]));
      for (const pool of pools.values()) context.spend(pool.length);
      const shared = shareSpans({ rules: some, pools, least: (rule) => leastOf(context, rule), cost });
      exact &&= shared.exact;
      return shared.spans;
    };
    const claim = (rule: SpanRule, positions: readonly number[]): void => {
      for (const at of positions) context.claimed[at] = rule.number;
    };
    const first = share(rules);
    const spans = new Map(first);
    const scope = { within, above, rules, spans };
    scopes.push(scope);
    const structured = rules.filter(({ children }) => children.length > 0);
    for (const rule of structured) claim(rule, first.get(rule) ?? []);
    for (const { rule, at } of deepestFirst(structured, first, context)) {
      if (!context.exhausted()) matchScope(rule.children, at, rule);
    }
    const plain = rules.filter(({ children }) => children.length === 0);
    const again = structured.length > 0 && plain.some(({ relation }) => relation !== "child");
    for (const [rule, positions] of again ? share(plain) : first) {
      if (rule.children.length > 0) continue;
      spans.set(rule, positions);
      claim(rule, positions);
    }
  };
  matchScope(context.spec.spans, WHOLE_TRACE, undefined);
  return { scopes, exact };
}

/** How many spans a rule needs in this trace. */
export function leastOf(context: MatchContext, rule: SpanRule): number {
  return context.active(rule) ? rule.count.min : 0;
}

function deepestFirst(
  rules: readonly SpanRule[],
  spans: ReadonlyMap<SpanRule, readonly number[]>,
  context: MatchContext,
): readonly { readonly rule: SpanRule; readonly at: number }[] {
  const pairs = rules.flatMap((rule) => (spans.get(rule) ?? []).map((at) => ({ rule, at })));
  const depth = (at: number): number => nodeAt(context, at)?.depth ?? 0;
  return pairs.sort((a, b) => depth(b.at) - depth(a.at) || a.at - b.at);
}

type Place = { readonly within: number; readonly cost: (rule: SpanRule, at: number) => number };

/**
 * The pool of a rule with one span for each call that was recorded on both sides: of a client span and the server span
 * under it (or the other way round, as a proxy records them) with the same name the one that fulfils the rule better
 * stands for both, the outer one when they are equal. A rule that names a kind knows which side it wants.
 */
function oneSided(context: MatchContext, rule: SpanRule, { within, cost }: Place): readonly number[] {
  const pool = poolOf(context, rule, within);
  if (rule.kind !== undefined || pool.length < 2) return pool;
  const dropped = new Set<number>();
  const inPool = new Set(pool);
  const paired = new Set<number>();
  for (const at of pool) {
    const outer = context.index.parent[at] ?? -1;
    if (!inPool.has(outer) || dropped.has(outer) || paired.has(outer) || !areTwoSides(context, outer, at)) continue;
    dropped.add(cost(rule, at) < cost(rule, outer) ? outer : at);
    // One call has one other side: a second span there is another call.
    paired.add(outer);
  }
  return dropped.size === 0 ? pool : pool.filter((at) => !dropped.has(at));
}

const SIDES: Partial<Record<Span["kind"], Span["kind"]>> = {
  client: "server",
  server: "client",
  producer: "consumer",
  consumer: "producer",
};

/** Whether two spans, one the parent of the other, are the two sides of one call. */
export function areTwoSides(context: Pick<MatchContext, "index">, outer: number, inner: number): boolean {
  const [a, b] = [nodeAt(context, outer)?.span, nodeAt(context, inner)?.span];
  return a !== undefined && b !== undefined && a.name === b.name && SIDES[a.kind] === b.kind;
}
