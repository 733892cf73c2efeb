import { callMs } from "../calls.ts";
import { msInText, nameInText } from "../names.ts";
import { median, sum } from "../rating.ts";
import { usualLengthMs, type Comparison } from "./compare.ts";
import { impactOfTime, type Sign } from "./evidence.ts";
import type { Observation } from "./observe.ts";
import type { Weighted } from "../../stats/weighted.ts";
import { combinedShift, shiftOf } from "./shift.ts";

/**
 * Operations whose own time grew: standardised within each context, over calls that are well and whose children are.
 * A caller that merely waits has no more own time than before, and one that sleeps between attempts of a failing
 * child, or waits for a child that is absent, is not compared.
 */
export function slownessSigns(comparison: Comparison): Sign[] {
  const { baseline, incident, blames, drift } = comparison;
  const signs: Sign[] = [];
  for (const observations of incident.byOperation.values()) {
    const clean = observations.filter(({ call }) => blames.after.get(call)?.on === "none");
    const parts = [...Map.groupBy(clean, ({ context }) => context)].flatMap(([context, after]) => {
      const before = (baseline.byContext.get(context) ?? []).filter(
        ({ call }) => blames.before.get(call)?.on === "none",
      );
      return before.length === 0 ? [] : [{ before, after, shift: shiftOf(owned(before, drift), owned(after, 1)) }];
    });
    const slower = clean.toSorted((a, b) => b.ownMs - a.ownMs);
    if (parts.length === 0 || slower[0] === undefined) continue;
    const added = sum(parts.map(({ after, shift }) => after.length * shift.excess));
    const shifts = parts.map(({ shift }) => shift);
    const z = Math.max(combinedShift(shifts), ...shifts.map((shift) => (shift.excess > 0 ? shift.z : 0)));
    if (added <= 0 || z <= 0) continue;
    const concerned = parts.flatMap(({ after }) => after);
    signs.push({
      kind: "slower",
      call: slower[0].call,
      z,
      impact: impactOfTime(added / usualLengthMs(concerned, comparison)),
      reason: `its own time rose from ${msInText(medianOwn(parts.flatMap(({ before }) => before)))} to ${msInText(medianOwn(concerned))} (median), on average by ${msInText(added / concerned.length)} per call, ${z.toFixed(1)} standard errors`,
      shownBy: slower.map(({ call }) => call),
    });
  }
  return signs;
}

/** Operations that the baseline does not know at all and that take time of their own. */
export function noveltySigns(comparison: Comparison): Sign[] {
  const { baseline, incident, blames } = comparison;
  if (baseline.traces === 0) return [];
  return [...incident.byOperation].flatMap(([key, observations]): Sign[] => {
    const [first] = observations;
    const callers = observations.filter(({ call }) => call.parent && baseline.byOperation.has(call.parent.key));
    // What is called because something else failed is a remedy, not a cause.
    const unprovoked = callers.filter(({ call }) => call.parent && blames.after.get(call.parent)?.on === "none");
    if (first === undefined || baseline.byOperation.has(key) || unprovoked.length === 0) return [];
    const added = sum(unprovoked.map(({ ownMs }) => ownMs));
    return [
      {
        kind: "new_operation",
        call: first.call,
        z: Math.sqrt(unprovoked.length) * 2,
        impact: impactOfTime(added / usualLengthMs(unprovoked, comparison)),
        reason: `is new: ${nameInText(first.call.parent?.operation ?? "")} did not call it before; it takes ${msInText(added / unprovoked.length)} of its own per call`,
        shownBy: unprovoked.toSorted((a, b) => callMs(b.call) - callMs(a.call)).map(({ call }) => call),
      },
    ];
  });
}

function owned(observations: readonly Observation[], factor: number): Weighted[] {
  return observations.map(({ ownMs, weight }) => ({ value: ownMs * factor, weight }));
}

function medianOwn(observations: readonly Observation[]): number {
  return median(observations.map(({ ownMs }) => ownMs));
}
