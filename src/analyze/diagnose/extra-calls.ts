import { callMs, type Call } from "../calls.ts";
import { nameInText } from "../names.ts";
import { median, sum } from "../rating.ts";
import { usualLengthMs, type Comparison } from "./compare.ts";
import { impactOfTime, type Sign } from "./evidence.ts";
import type { Observation } from "./observe.ts";
import { shiftOf } from "./shift.ts";

/** Added calls per call below which nothing is said: fractions come from caches and conditions. */
const LEAST_ADDED = 0.5;

/** A sign of extra calls, with the operation that is called too often. */
export type ExtraCalls = Sign & { readonly childKey: string };

/**
 * Operations that call something more often than before. Only calls that went well with everything below them are
 * counted: attempts after a failure, and what is done instead, follow from the failure.
 */
export function extraCallSigns(comparison: Comparison): ExtraCalls[] {
  const { incident } = comparison;
  return [...incident.byOperation.values()].flatMap((observations) => {
    const clean = observations.filter(({ call }) => isClean(call, comparison, "after"));
    const pairs = [...Map.groupBy(clean, ({ context }) => context)].flatMap(([context, after]) => {
      const known = comparison.baseline.byContext.get(context) ?? [];
      const before = known.filter(({ call }) => isClean(call, comparison, "before"));
      return before.length === 0 ? [] : [{ before, after }];
    });
    const children = new Map(clean.flatMap(({ call }) => call.children.map((child) => [child.key, child] as const)));
    return [...children.values()].flatMap((child) => extraCallsOf(child, pairs, comparison));
  });
}

/** Calls of one context that went well, before and after. */
type Pair = { readonly before: readonly Observation[]; readonly after: readonly Observation[] };

function extraCallsOf(child: Call, pairs: readonly Pair[], comparison: Comparison): ExtraCalls[] {
  const { baseline } = comparison;
  const counted = (list: readonly Observation[]) =>
    list.map(({ call, weight }) => ({ value: childrenOf(call, child.key).length, weight }));
  const parts = pairs.map(({ before, after }) => ({ after, shift: shiftOf(counted(before), counted(after), 1) }));
  const rising = parts.filter(({ shift }) => shift.excess > 0);
  const concerned = rising.flatMap(({ after }) => after);
  const added = sum(rising.map(({ after, shift }) => after.length * shift.excess));
  const [first] = concerned;
  if (first === undefined || added < LEAST_ADDED * concerned.length) return [];
  const eachMs = median(concerned.flatMap(({ call }) => childrenOf(call, child.key).map(callMs)));
  const known = baseline.byOperation.has(child.key);
  const ratio = (added * eachMs) / usualLengthMs(concerned, comparison);
  return [
    {
      kind: "extra_calls",
      call: first.call,
      childKey: child.key,
      z: Math.max(...rising.map(({ shift }) => shift.z)),
      // Of an operation that is new altogether, the new one itself says more precisely where to look.
      impact: impactOfTime(ratio) * (known ? 1 : 0.8),
      reason: `calls ${nameInText(child.operation)} ${(added / concerned.length).toFixed(1)} times more often per call than before, without a failure that would explain it`,
      shownBy: concerned
        .map(({ call }) => call)
        .sort((a, b) => childrenOf(b, child.key).length - childrenOf(a, child.key).length),
    },
  ];
}

function isClean(call: Call, { blames }: Comparison, side: "before" | "after"): boolean {
  return blames[side].get(call)?.on === "none" && call.children.every(({ failed }) => !failed);
}

const childrenByKey = new WeakMap<Call, ReadonlyMap<string, readonly Call[]>>();

/** Children of one operation. Every operation that a call calls is asked for in turn: they are grouped once. */
function childrenOf(call: Call, key: string): readonly Call[] {
  const grouped = childrenByKey.get(call) ?? Map.groupBy(call.children, (child) => child.key);
  childrenByKey.set(call, grouped);
  return grouped.get(key) ?? [];
}
