import { NO_CAPTURES } from "../selector/select.ts";
import type { SpanRule } from "../spec.ts";
import { spanFindings } from "../judge/span.ts";
import { nodeAt, type MatchContext } from "./context.ts";
import { poolOf } from "./pool.ts";
import { UNFILLED } from "./share.ts";

/** Cost of a child that is missing, of a wrong attribute or status, and of a wrong duration. */
const WEIGHTS = { child: 10, attribute: 3, duration: 1 } as const;

/**
 * How badly a span would fulfil a rule, for choosing between spans: its own faults, and an estimate of those below it
 * (children that cannot be found; of a child with several candidates the best counts, whether or not another rule needs
 * it too). Rules with captured values are left out: they are judged when the choice is made.
 */
export function matchCost(context: MatchContext): (rule: SpanRule, at: number) => number {
  const known = new Map<number, number>();
  const plain = new Map<number, SpanRule>();
  const cost = (rule: SpanRule, at: number): number => {
    const key = rule.number * context.index.nodes.length + at;
    const before = known.get(key);
    if (before !== undefined) return before;
    const found = Math.min(ownCost(context, plainOf(plain, rule), at) + childrenCost(rule, at), UNFILLED - 1);
    known.set(key, found);
    return found;
  };
  const childrenCost = (rule: SpanRule, at: number): number => {
    let sum = 0;
    for (const child of rule.children) {
      const pool = poolOf(context, child, at);
      if (!context.spend(pool.length + 1)) return sum;
      const least = context.active(child) ? child.count.min : 0;
      sum += WEIGHTS.child * Math.max(0, least - pool.length);
      if (least > 0 && pool.length > 0)
        sum += pool.reduce((best, below) => Math.min(best, cost(child, below)), UNFILLED);
    }
    return sum;
  };
  return cost;
}

function plainOf(known: Map<number, SpanRule>, rule: SpanRule): SpanRule {
  const plain = known.get(rule.number) ?? withoutCaptures(rule);
  known.set(rule.number, plain);
  return plain;
}

function withoutCaptures(rule: SpanRule): SpanRule {
  return { ...rule, tags: rule.tags.filter(({ wanted }) => wanted.kind !== "captured"), satisfies: [] };
}

function ownCost(context: MatchContext, rule: SpanRule, at: number): number {
  const node = nodeAt(context, at);
  if (node === undefined || !context.spend(1)) return 0;
  const findings = spanFindings(
    rule,
    { at, node },
    {
      spec: context.spec,
      index: context.index,
      captures: NO_CAPTURES,
      excused: () => true,
    },
  );
  return findings.reduce(
    (sum, { list }) => sum + (list === "performance_issues" ? WEIGHTS.duration : WEIGHTS.attribute),
    0,
  );
}
