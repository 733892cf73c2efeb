import type { SpanRule } from "../spec.ts";
import type { TraceIndex } from "../trace-index.ts";
import type { MatchContext } from "./context.ts";

/** The whole trace as the place in which spans are looked for. */
export const WHOLE_TRACE = -1;

/** Positions of the spans that could fulfil a rule under the span at `within` and are not taken yet, ascending. */
export function poolOf(context: MatchContext, rule: SpanRule, within: number): readonly number[] {
  return placed(context, rule, within).filter((at) => context.claimed[at] === -1);
}

function placed(context: MatchContext, rule: SpanRule, within: number): readonly number[] {
  const all = context.candidates(rule);
  if (within === WHOLE_TRACE) return all;
  const { index } = context;
  const [first, last] = [firstAbove(all, within), firstAbove(all, (index.end[within] ?? 0) - 1)];
  const children = index.nodes[within]?.children.length ?? 0;
  if (rule.relation === "child" && children < last - first) {
    context.spend(children);
    return childrenOf(index, within).filter((at) => all[firstAbove(all, at) - 1] === at);
  }
  context.spend(last - first);
  const below = all.slice(first, last);
  return rule.relation === "descendant" ? below : below.filter((at) => index.parent[at] === within);
}

/** Positions of the children of a span: each stands behind the subtree of the one before. */
export function childrenOf({ end }: TraceIndex, within: number): number[] {
  const children: number[] = [];
  for (let at = within + 1; at < (end[within] ?? 0); at = end[at] ?? Infinity) children.push(at);
  return children;
}

/** Index of the first number above `bound` in ascending numbers. */
function firstAbove(ascending: readonly number[], bound: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}
