import { clusteredRatio, type Cluster, type ClusteredRatio } from "../../stats/clustered.ts";
import { permutationUpperTail, type PermutationTest } from "../../stats/permutation.ts";
import type { TraceUnit } from "./profile.ts";

/** What one trace adds to a ratio of two counts. */
export type Tally = { readonly unit: TraceUnit; readonly trials: number; readonly sum: number };

/** The tallies of both sets. */
export type Sides<T> = { readonly before: T; readonly after: T };

/** A ratio in both sets, and the tests against "not greater" and "not smaller" after. */
export type Contrast = Sides<ClusteredRatio> & { readonly greater: PermutationTest; readonly smaller: PermutationTest };

/**
 * Compares the ratio Σ sum / Σ trials of two sets of traces. Traces are the independent units, so calls within one trace
 * may depend on each other. The tests take each kind of trace (stratum) for itself: a kind's traces are exchangeable if
 * nothing changed, whatever its share of the traffic. The ratios are those of a common mix of kinds. Null when no kind
 * of trace has trials in both sets. `step`: of the sum where it counts something, 0 where it measures.
 */
export function contrast(given: Sides<readonly Tally[]>, step: number): Contrast | null {
  const sides = mapSides(given, (tallies) => tallies.filter(({ trials }) => trials > 0));
  const factors = mixFactors(mapSides(sides, (tallies) => tallies.map(({ unit }) => unit)));
  if (factors.size === 0) return null;
  const common = mapSides(sides, (tallies) => tallies.filter(({ unit }) => factors.has(unit.stratum)));
  const ratios = stratumRatios([...common.before, ...common.after]);
  const scored = mapSides(common, (tallies) => Map.groupBy(tallies, ({ unit }) => unit.stratum));
  const samples = [...ratios].map(([stratum, ratio]) =>
    mapSides(scored, (of) => (of.get(stratum) ?? []).map((tally) => scoreOf(tally, ratio))),
  );
  const weights = [...common.before, ...common.after].map(({ unit }) => unit.weight);
  // What a trace counts it counts by its weight.
  const least = step * weights.reduce((a, b) => Math.min(a, b), Infinity);
  const reversed = samples.map(({ before, after }) => ({ before: after, after: before }));
  return {
    before: clusteredRatio(common.before.map((tally) => toCluster(tally, factors.get(tally.unit.stratum)?.before))),
    after: clusteredRatio(common.after.map((tally) => toCluster(tally, factors.get(tally.unit.stratum)?.after))),
    greater: permutationUpperTail(samples, least),
    smaller: permutationUpperTail(reversed, least),
  };
}

/** Sums and products of numbers that say the same differ by their rounding, which is no evidence. */
const ROUNDING = 1e-12;

/** How far a trace's sum is from what is usual for its kind, by what it stands for. */
function scoreOf({ unit, trials, sum }: Tally, ratio: number): number {
  const usual = ratio * trials;
  return Math.abs(sum - usual) <= ROUNDING * (Math.abs(sum) + Math.abs(usual)) ? 0 : unit.weight * (sum - usual);
}

/** The same for both sets. */
export function mapSides<A, B>({ before, after }: Sides<A>, change: (side: A) => B): Sides<B> {
  return { before: change(before), after: change(after) };
}

function toCluster({ unit, trials, sum }: Tally, factor = 1): Cluster {
  return { weight: unit.weight * factor, trials, sum };
}

/**
 * What the weights of each set's traces are multiplied by, per kind of trace, so that both sets have the mix of kinds that
 * they have together (post-stratification). Kinds that one set lacks are absent.
 */
export function mixFactors(units: Sides<readonly TraceUnit[]>): ReadonlyMap<string, Sides<number>> {
  const weights = mapSides(units, weightByStratum);
  const common = [...weights.before.keys()].filter((stratum) => weights.after.has(stratum));
  const totals = mapSides(weights, (of) => common.reduce((sum, stratum) => sum + (of.get(stratum) ?? 0), 0));
  return new Map(
    common.map((stratum) => {
      const shares = {
        before: (weights.before.get(stratum) ?? 0) / totals.before,
        after: (weights.after.get(stratum) ?? 0) / totals.after,
      };
      const together = (shares.before + shares.after) / 2;
      return [stratum, mapSides(shares, (share) => together / share)];
    }),
  );
}

function weightByStratum(units: readonly TraceUnit[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { stratum, weight } of units) sums.set(stratum, (sums.get(stratum) ?? 0) + weight);
  return sums;
}

function stratumRatios(tallies: readonly Tally[]): ReadonlyMap<string, number> {
  const sums = new Map<string, { trials: number; sum: number }>();
  for (const { unit, trials, sum } of tallies) {
    const own = sums.get(unit.stratum) ?? { trials: 0, sum: 0 };
    sums.set(unit.stratum, { trials: own.trials + unit.weight * trials, sum: own.sum + unit.weight * sum });
  }
  return new Map([...sums].map(([stratum, { trials, sum }]) => [stratum, sum / trials]));
}
