import type { ReasonCode } from "../../model/codes.ts";
import type { RegressionMetric, RegressionRow, StructuralChange } from "../../model/regression.ts";
import type { Measured } from "./measured.ts";
import { isWithin, type RegressionOptions, type Tolerances } from "./options.ts";
import { changeOf, type Relation } from "./structure.ts";

/** What a judged row says. */
export type Judgement = Pick<RegressionRow, "verdict" | "reasons">;

/** What is sure about a row before it is judged. */
export type Certainty = {
  /** Corrected for all comparisons. */
  readonly adjustedP: number;
  /** The fewer of the traces of both sets that the row comes from. */
  readonly traces: number;
};

const KIND: Readonly<Record<RegressionMetric, keyof Tolerances>> = {
  geomean_ms: "latency",
  p50_ms: "latency",
  p95_ms: "latency",
  error_rate: "errorRate",
  calls_per_trace: "calls",
};

const REASON: Readonly<Record<keyof Tolerances, ReasonCode>> = {
  latency: "latency_regressed",
  errorRate: "errors_regressed",
  calls: "calls_regressed",
};

/**
 * Fail: worse beyond the tolerance, and no change at all would hardly look so (corrected p ≤ alpha). Pass: enough traces,
 * and the interval excludes a worsening beyond what is to be ruled out. Otherwise inconclusive.
 */
export function judgeMetric(row: Measured, sure: Certainty, options: RegressionOptions): Judgement {
  const kind = KIND[row.metric];
  const isBeyond = row.change > 0 && !isWithin(row.before, row.after, options.tolerance[kind]);
  if (isBeyond && sure.adjustedP <= options.alpha) return { verdict: "fail", reasons: [REASON[kind]] };
  if (sure.traces < options.minTraces) return { verdict: "inconclusive", reasons: ["evidence_insufficient"] };
  const { interval } = row;
  // Levels are sums of rounded tails.
  if (interval === null || interval.level < 1 - options.alpha - 1e-9) {
    return { verdict: "inconclusive", reasons: ["evidence_insufficient"] };
  }
  const worst = kind === "latency" ? row.before * (1 + interval.high) : row.before + interval.high;
  const isRuledOut = interval.high <= 0 || isWithin(row.before, worst, options.ruledOut[kind]);
  return isRuledOut ? { verdict: "pass", reasons: ["ok"] } : { verdict: "inconclusive", reasons: ["undecided"] };
}

/** Changes that cost nothing: reported, but no regression. */
const isHarmless = (change: StructuralChange["change"], { before, after }: Relation): boolean =>
  change === "now_concurrent" || (change === "multiplicity" && after < before);

/** Judges a relation; null where it stayed within the tolerance. */
export function judgeRelation(relation: Relation, adjustedP: number, options: RegressionOptions): Judgement | null {
  const { kind, before, after } = relation;
  const tolerance =
    kind === "multiplicity" ? options.tolerance.calls : { relative: 0, absolute: options.shareTolerance };
  if (isWithin(before, after, tolerance)) return null;
  if (adjustedP > options.alpha) return { verdict: "inconclusive", reasons: ["undecided"] };
  const passes = options.structure === "report" || isHarmless(changeOf(relation), relation);
  return { verdict: passes ? "pass" : "fail", reasons: ["structure_changed"] };
}
