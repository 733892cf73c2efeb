import type { KayentaClass } from "./classify.ts";
import type { KayentaInput } from "./input.ts";

/** A classified metric with the groups that it counts in. */
export type Classified = {
  readonly name: string;
  readonly groups: readonly string[];
  readonly classification: KayentaClass;
  readonly critical: boolean;
};

/** Score of one group, 0 to 100; `counted`: metrics in it that were judged. */
export type GroupScore = { readonly name: string; readonly score: number; readonly counted: number };

/** Share of metrics without data, percent, from which the whole canary fails. */
const MOST_NODATA = 50;

/** Scores every group, in the order in which the groups first appear. */
export function scoreGroups(metrics: readonly Classified[]): GroupScore[] {
  const names = [...new Set(metrics.flatMap(({ groups }) => groups))];
  return names.map((name) => {
    const own = metrics.flatMap((metric) => metric.groups.filter((group) => group === name).map(() => metric));
    const counted = own.filter(
      ({ classification }) => classification !== "Nodata" && classification !== "Error",
    ).length;
    const passed = own.filter(({ classification }) => classification === "Pass").length;
    return { name, score: counted === 0 ? 0 : (passed / counted) * 100, counted };
  });
}

/** The canary's score, 0 to 100, two decimals: 0 on a critical failure or too little data, else the weighted sum. */
export function scoreSummary(
  metrics: readonly Classified[],
  groups: readonly GroupScore[],
  { groupWeights }: Pick<KayentaInput, "groupWeights">,
): number {
  if (metrics.some(({ critical, classification }) => critical && classification !== "Pass")) return 0;
  const nodata = metrics.filter(({ classification }) => classification === "Nodata").length;
  if ((nodata / metrics.length) * 100 >= MOST_NODATA) return 0;
  const shared = sharedWeight(groups, groupWeights);
  let score = 0;
  for (const group of groups) {
    // A group in which nothing was judged enters as if all of it had passed.
    const effective = group.counted === 0 ? 100 : group.score;
    score += effective * (weightOf(groupWeights, group.name, shared) / 100);
  }
  return round(score);
}

/** Weight of each group that has none of its own: what the configured weights leave, in equal parts. */
export function sharedWeight(groups: readonly GroupScore[], weights: KayentaInput["groupWeights"]): number {
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
  const without = groups.filter(({ name }) => !Object.hasOwn(weights, name)).length;
  return without === 0 ? 0 : (100 - sum) / without;
}

function weightOf(weights: KayentaInput["groupWeights"], name: string, shared: number): number {
  return Object.hasOwn(weights, name) ? (weights[name] ?? shared) : shared;
}

/** Two decimals, half away from zero, on the decimal digits that the number prints with. */
function round(value: number): number {
  const cents = Number((Math.abs(value) * 100).toPrecision(15));
  return (Math.sign(value) * Math.round(cents)) / 100;
}
