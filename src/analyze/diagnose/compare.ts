import { callMs, type Call } from "../calls.ts";
import { median } from "../rating.ts";
import { blameCalls, type Blame } from "./blame.ts";
import { learnHabits, type Habits } from "./habits.ts";
import type { Observation, Population } from "./observe.ts";

/** Two populations side by side, with what the signs of a fault are looked for in. */
export type Comparison = {
  readonly baseline: Population;
  readonly incident: Population;
  readonly habits: Habits;
  readonly blames: { readonly before: ReadonlyMap<Call, Blame>; readonly after: ReadonlyMap<Call, Blame> };
  /** Factor by which everything became slower, as a busier machine makes it; 1 where that cannot be told. */
  readonly drift: number;
};

/** Operations that it takes to tell a drift of everything from a fault of some. */
const LEAST_FOR_DRIFT = 6;
/** Own times below this are all clock, ms. */
const LEAST_OWN_MS = 0.02;

/** Puts an incident beside its baseline. */
export function compare(baseline: Population, incident: Population): Comparison {
  const habits = learnHabits(baseline);
  return {
    baseline,
    incident,
    habits,
    blames: { before: blameCalls(baseline, habits), after: blameCalls(incident, habits) },
    drift: driftBetween(baseline, incident),
  };
}

/** Median over the contexts of the ratio of their median own times, held between 0.8 and 1.5. */
function driftBetween(baseline: Population, incident: Population): number {
  const ratios: number[] = [];
  for (const [context, after] of incident.byContext) {
    const before = baseline.byContext.get(context) ?? [];
    if (before.length < 5 || after.length < 5) continue;
    const [old, now] = [medianOwn(before), medianOwn(after)];
    if (old >= LEAST_OWN_MS) ratios.push(now / old);
  }
  return ratios.length < LEAST_FOR_DRIFT ? 1 : Math.min(1.5, Math.max(0.8, median(ratios)));
}

function medianOwn(observations: readonly Observation[]): number {
  return median(observations.map(({ ownMs }) => ownMs));
}

/** Usual length of the traces that calls belong to, each trace once, ms: the baseline's median for their entry. */
export function usualLengthMs(observations: readonly Observation[], { baseline, incident }: Comparison): number {
  const entries = new Set(observations.map(({ entry }) => entry));
  const usual = new Map<string, number>();
  let total = 0;
  for (const entry of entries) {
    const known = usual.get(entry.key) ?? usualOf(entry, baseline) ?? usualOf(entry, incident) ?? callMs(entry);
    usual.set(entry.key, known);
    total += known;
  }
  return total;
}

function usualOf(entry: Call, { byOperation }: Population): number | undefined {
  const lengths = (byOperation.get(entry.key) ?? [])
    .filter(({ call }) => call.parent === undefined)
    .map(({ call }) => callMs(call));
  return lengths.length === 0 ? undefined : median(lengths);
}
