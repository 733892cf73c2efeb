import { errorTypeOf } from "../errors/classify.ts";
import type { Call } from "../calls.ts";
import { nameInText, shareInText } from "../names.ts";
import { compareText } from "../parents.ts";
import type { Blame } from "./blame.ts";
import { impactOfFailures, type Sign } from "./evidence.ts";
import { effectiveSize, totalWeight } from "../../stats/weighted.ts";
import type { Observation } from "./observe.ts";
import type { Comparison } from "./compare.ts";
import { combinedShift, rateShift, type Rate } from "./shift.ts";

type Blames = ReadonlyMap<Call, Blame>;
type Contexts = readonly { readonly before: readonly Observation[]; readonly after: readonly Observation[] }[];

/**
 * Operations in which more calls fail by themselves than before. Compared within each context that both sets know; calls
 * of contexts that the baseline does not know are compared with all its calls of the operation.
 */
export function failureSigns(comparison: Comparison): Sign[] {
  const signs: Sign[] = [];
  for (const [key, observations] of comparison.incident.byOperation) {
    const origins = observations.filter(({ call }) => comparison.blames.after.get(call)?.on === "self");
    const [first] = origins;
    if (first === undefined) continue;
    const contexts = contextsOf(key, comparison);
    const isOrigin = (blames: Blames) => (observation: Observation) => blames.get(observation.call)?.on === "self";
    const { z, before, after } = compareRates(contexts, {
      before: isOrigin(comparison.blames.before),
      after: isOrigin(comparison.blames.after),
    });
    const types = [...Map.groupBy(origins, ({ call }) => errorTypeOf(call))]
      .sort(([a, x], [b, y]) => y.length - x.length || compareText(a, b))
      .map(([type]) => nameInText(type));
    signs.push({
      kind: "fails",
      call: first.call,
      z,
      impact: impactOfFailures(after - before),
      reason: `errors begin here: ${shareInText(after)} of its calls fail with no failing call below, before ${shareInText(before)} (${types.slice(0, 2).join(", ")})`,
      shownBy: origins.map(({ call }) => call),
    });
  }
  return signs;
}

/** Operations that their callers miss: expected by every call before, now absent where the caller fails or waits. */
export function absenceSigns({ baseline, incident, blames }: Comparison): Sign[] {
  const missing = [...blames.after].flatMap(([caller, blame]) =>
    blame.on === "absent" ? [{ caller, child: blame.child }] : [],
  );
  return [...Map.groupBy(missing, ({ child }) => child.key)].flatMap(([key, cases]) => {
    const [first] = cases;
    if (first === undefined) return [];
    const contexts = [...new Set(cases.map(({ caller }) => incident.ofCall.get(caller)?.context ?? ""))];
    const isMissed =
      (of: Blames) =>
      ({ call }: Observation) => {
        const blame = of.get(call);
        return blame?.on === "absent" && blame.child.key === key;
      };
    const pairs = contexts.map((context) => ({
      before: baseline.byContext.get(context) ?? [],
      after: incident.byContext.get(context) ?? [],
    }));
    const { z, after } = compareRates(pairs, { before: isMissed(blames.before), after: isMissed(blames.after) });
    const callers = [...new Set(cases.map(({ caller }) => nameInText(caller.operation)))].slice(0, 3);
    return [
      {
        kind: "absent" as const,
        call: first.child,
        z,
        impact: impactOfFailures(after),
        reason: `does not answer: it is missing in ${shareInText(after)} of the calls of ${callers.join(", ")}, which always had it and now wait or fail`,
        shownBy: cases.map(({ caller }) => caller),
      },
    ];
  });
}

/** What a dependency that is no longer called weighs where nothing goes wrong without it: it may be a fault or a change. */
const QUIETLY_GONE = 0.12;
/** Calls before and callers now that it takes to say so. */
const LEAST_GONE = 10;

/** Operations that are not called at all any more, although their callers are, and do well without. */
export function disappearanceSigns({ baseline, incident, blames }: Comparison): Sign[] {
  const missed = new Set([...blames.after.values()].map((blame) => (blame.on === "absent" ? blame.child.key : "")));
  return [...baseline.byOperation].flatMap(([key, before]) => {
    const callers = new Map(before.flatMap(({ call }) => (call.parent ? [[call.parent.key, call.parent]] : [])));
    const now = [...callers.keys()].flatMap((caller) => incident.byOperation.get(caller) ?? []);
    const well = now.filter(({ call }) => blames.after.get(call)?.on === "none");
    const [first] = before;
    const gone = !incident.byOperation.has(key) && !missed.has(key);
    if (first === undefined || !gone || before.length < LEAST_GONE || well.length < LEAST_GONE) return [];
    const usual =
      before.length / [...callers.keys()].reduce((n, caller) => n + (baseline.byOperation.get(caller)?.length ?? 0), 0);
    return [
      {
        kind: "no_longer_called" as const,
        call: first.call,
        z: Math.sqrt(usual * well.length),
        impact: QUIETLY_GONE,
        reason: `is not called any more: ${before.length} calls before, none in ${well.length} calls of its callers, which do well without`,
        shownBy: well.map(({ call }) => call),
      },
    ];
  });
}

/** The contexts of an operation that occur in the incident, each with its calls before. */
export function contextsOf(key: string, { baseline, incident }: Comparison): Contexts {
  const pooled = baseline.byOperation.get(key) ?? [];
  return [...Map.groupBy(incident.byOperation.get(key) ?? [], ({ context }) => context)].map(([context, after]) => ({
    before: baseline.byContext.get(context) ?? pooled,
    after,
  }));
}

type Test = { readonly before: (o: Observation) => boolean; readonly after: (o: Observation) => boolean };

function compareRates(contexts: Contexts, test: Test): { z: number; before: number; after: number } {
  const rated = contexts.map(({ before, after }) => ({
    before: rateOf(before, test.before),
    after: rateOf(after, test.after),
    calls: after.length,
  }));
  const shifts = rated.map(({ before, after }) => ({
    z: rateShift(before, after),
    excess: 0,
    size: before.size * after.size === 0 ? 0 : (before.size * after.size) / (before.size + after.size),
  }));
  const calls = rated.reduce((total, each) => total + each.calls, 0);
  const average = (side: "before" | "after"): number =>
    rated.reduce((total, each) => total + each[side].rate * each.calls, 0) / Math.max(1, calls);
  // A fault that only one way in brings about must not drown in the others.
  const single = Math.max(...shifts.map(({ z }) => z));
  return { z: Math.max(combinedShift(shifts), single), before: average("before"), after: average("after") };
}

function rateOf(observations: readonly Observation[], holds: (o: Observation) => boolean): Rate {
  if (observations.length === 0) return { rate: 0, size: 0 };
  const rate = totalWeight(observations.filter(holds)) / totalWeight(observations);
  return { rate, size: effectiveSize(observations) };
}
