import { z } from "zod";
import { Interval } from "./finding.ts";
import { SpanKind } from "./span.ts";
import { ReasonCodeSchema } from "./verdict.ts";

/** What of an operation is compared between two sets of traces. */
export const RegressionMetric = z.enum(["geomean_ms", "p50_ms", "p95_ms", "error_rate", "calls_per_trace"]);
export type RegressionMetric = z.infer<typeof RegressionMetric>;

const Verdict = z.enum(["pass", "fail", "inconclusive"]);

/** What names the spans that are counted together. Ids within a name are replaced, see `operationTemplate`. */
export const OperationName = z.strictObject({ service: z.string(), operation: z.string(), kind: SpanKind });
export type OperationName = z.infer<typeof OperationName>;

const Judged = {
  /** P(a change at least as great | no change), one-sided for metrics, two-sided for structure. */
  pValueOrE: z.number(),
  /** The same, corrected for all comparisons (Holm): at most `alpha` means changed. */
  adjustedP: z.number(),
  verdict: Verdict,
  reasons: z.array(ReasonCodeSchema).min(1),
};

/** One metric of one operation before and after. */
export const RegressionRow = OperationName.extend({
  metric: RegressionMetric,
  /** ms, a share, or calls. */
  before: z.number(),
  after: z.number(),
  /** Latencies: relative (0.5 = half as long again); rates and calls: the difference. Worse is positive. */
  change: z.number(),
  /**
   * Of the change; its level is lower where there are too few calls for the level that was asked for, and it is null
   * where there are too few for any.
   */
  interval: Interval.nullable(),
  ...Judged,
  /** Traces that the numbers come from. */
  traces: z.strictObject({ before: z.number().int(), after: z.number().int() }),
  calls: z.strictObject({ before: z.number().int(), after: z.number().int() }),
  /** In so few traces that it does not keep the whole from passing. */
  rare: z.boolean(),
});
export type RegressionRow = z.infer<typeof RegressionRow>;

/**
 * A changed relation between operations. `before` and `after`: for `appeared`, `vanished`, `more_frequent`,
 * `less_frequent` and `parent_changed` the share of the parent's calls that made this call; for `multiplicity` how often
 * they made it; for `order_reversed`, `now_sequential` and `now_concurrent` the share of them in which `other` ended
 * before this call began.
 */
export const StructuralChange = OperationName.extend({
  change: z.enum([
    "appeared",
    "vanished",
    "more_frequent",
    "less_frequent",
    "parent_changed",
    "multiplicity",
    "order_reversed",
    "now_sequential",
    "now_concurrent",
  ]),
  /** Whose calls are looked at. */
  parent: OperationName,
  /** `parent_changed`: the former parent. Order: the operation that it is compared with. */
  other: OperationName.optional(),
  before: z.number(),
  after: z.number(),
  ...Judged,
});
export type StructuralChange = z.infer<typeof StructuralChange>;

/** Candidate traces judged against baseline traces. */
export const RegressionReport = z.strictObject({
  schema: z.literal("whetstone.regressions/1"),
  verdict: Verdict,
  reasons: z.array(ReasonCodeSchema).min(1),
  /** Greatest probability that one or more rows fail although nothing changed. */
  alpha: z.number(),
  correction: z.literal("holm"),
  baseline: z.strictObject({ traces: z.number().int(), spans: z.number().int() }),
  candidate: z.strictObject({ traces: z.number().int(), spans: z.number().int() }),
  /** Every compared metric, worst first. */
  operations: z.array(RegressionRow),
  /** What changed, and what may have changed but is undecided; relations that stayed are only counted. */
  structural: z.array(StructuralChange),
  /** Relations that were compared. */
  relations: z.number().int(),
  /** Operations without a call in comparable traces of one set; the verdict does not cover them. */
  notCompared: z.array(
    OperationName.extend({ callsBefore: z.number().int(), callsAfter: z.number().int(), rare: z.boolean() }),
  ),
  /** One line each: what limits the comparison. */
  notes: z.array(z.string()),
});
export type RegressionReport = z.infer<typeof RegressionReport>;
