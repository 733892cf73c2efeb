/**
 * Kayenta's judge "NetflixACAJudge-v1.0" as a compatible mode: a new implementation of the rules of
 * spinnaker/kayenta (Apache-2.0, commit a69573be), its known weaknesses included; these are named beside the verdict.
 */
import type { Random } from "../../stats/random.ts";
import { classifyMetric, type KayentaClass } from "./classify.ts";
import type { KayentaInput } from "./input.ts";
import { scoreGroups, scoreSummary, type Classified } from "./score.ts";
import { kayentaWarnings } from "./warnings.ts";

/** Kayenta's verdict: score 0 to 100, its class by the thresholds, and what it is made of. */
export type KayentaReport = {
  readonly score: number;
  readonly classification: "Pass" | "Marginal" | "Fail";
  readonly metrics: readonly {
    readonly name: string;
    readonly classification: KayentaClass;
    readonly critical: boolean;
  }[];
  readonly groups: readonly { readonly name: string; readonly score: number }[];
  /** Known weaknesses of these rules that may have shaped the verdict, one line each. */
  readonly warnings: readonly string[];
};

/**
 * Judges as Kayenta does. Muted metrics are left out. `random` matters only for metrics whose arms are both constant,
 * where Kayenta adds noise; a seeded generator makes the verdict repeatable.
 */
export function judgeKayenta(input: KayentaInput, random: Random): KayentaReport {
  const metrics = input.metrics
    .filter(({ muted }) => !muted)
    .map((metric): Classified => ({ name: metric.name, groups: metric.groups, ...classifyMetric(metric, random) }));
  const groups = scoreGroups(metrics);
  const score = scoreSummary(metrics, groups, input);
  return {
    score,
    classification: classify(score, input.thresholds),
    metrics: metrics.map(({ name, classification, critical }) => ({ name, classification, critical })),
    groups: groups.map(({ name, score: own }) => ({ name, score: own })),
    warnings: kayentaWarnings(input, metrics, groups),
  };
}

function classify(score: number, { pass, marginal }: KayentaInput["thresholds"]): KayentaReport["classification"] {
  if (score >= pass) return "Pass";
  return score >= marginal ? "Marginal" : "Fail";
}
