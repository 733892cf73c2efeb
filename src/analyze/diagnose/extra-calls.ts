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
    const children = new Map(clean.flatMap(({ call }) => call.children.map((child) => [child.key, child] as const)));
    return [...children.values()].flatMap((child) => extraCallsOf(child, clean, comparison));
  });
}

function extraCallsOf(child: Call, clean: readonly Observation[], comparison: Comparison): ExtraCalls[] {
  const { baseline } = comparison;
  const parts = [...Map.groupBy(clean, ({ context }) => context)].flatMap(([context, after]) => {
    const before = (baseline.byContext.get(context) ?? []).filter(({ call }) => isClean(call, comparison, "before"));
    if (before.length === 0) return [];
    const counted = (list: readonly Observation[]) =>
      list.map(({ call, weight }) => ({ value: countOf(call, child.key), weight }));
    return [{ after, shift: shiftOf(counted(before), counted(after), 1) }];
  });
  const rising = parts.filter(({ shift }) => shift.excess > 0);
  const concerned = rising.flatMap(({ after }) => after);
  const added = sum(rising.map(({ after, shift }) => after.length * shift.excess));
  const [first] = concerned;
  if (first === undefined || added < LEAST_ADDED * concerned.length) return [];
  const eachMs = median(
    concerned.flatMap(({ call }) => call.children.filter(({ key }) => key === child.key).map(callMs)),
  );
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
      shownBy: concerned.map(({ call }) => call).sort((a, b) => countOf(b, child.key) - countOf(a, child.key)),
    },
  ];
}

function isClean(call: Call, { blames }: Comparison, side: "before" | "after"): boolean {
  return blames[side].get(call)?.on === "none" && call.children.every(({ failed }) => !failed);
}

function countOf(call: Call, key: string): number {
  return call.children.filter((child) => child.key === key).length;
}
