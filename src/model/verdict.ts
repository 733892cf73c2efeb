import { z } from "zod";
import { REASON_CODE_LIST } from "./codes.ts";
import { Interval } from "./finding.ts";
import { CommitSha, Digest } from "./json.ts";

export const ReasonCodeSchema = z.enum(REASON_CODE_LIST);

/** What a stage concluded: always with reason codes of the closed set, and facts for people. */
export const StageVerdict = z.strictObject({
  verdict: z.enum(["pass", "fail", "inconclusive"]),
  reasons: z.array(ReasonCodeSchema).min(1),
  /** One line each: what was found, with numbers. */
  details: z.array(z.string()),
});
export type StageVerdict = z.infer<typeof StageVerdict>;

/** Stages of the validation pipeline, in order. */
export const VALIDATION_STAGES = ["scope", "safety", "apply", "checks", "replay"] as const;
export const ValidationStage = z.enum(VALIDATION_STAGES);
export type ValidationStage = z.infer<typeof ValidationStage>;

/** Before and after of one metric of one operation on the same replayed calls. */
export const Effect = z.strictObject({
  operation: z.string(),
  metric: z.enum(["p50_ms", "p95_ms", "error_rate"]),
  before: z.number(),
  beforeInterval: Interval,
  after: z.number(),
  afterInterval: Interval,
  /** Relative change for latencies (−0.5 = halved), difference for rates. */
  change: z.number(),
  changeInterval: Interval,
  /** Calls per version. */
  samples: z.number().int(),
});
export type Effect = z.infer<typeof Effect>;

/** The verdict of every stage, bound to the patch. Stages after the first failure are absent. */
export const ValidationReport = z.strictObject({
  schema: z.literal("whetstone.validation/1"),
  proposal: z.string(),
  patchDigest: Digest,
  baseSha: CommitSha,
  verdict: z.enum(["pass", "fail", "inconclusive"]),
  reasons: z.array(ReasonCodeSchema).min(1),
  stages: z.array(StageVerdict.extend({ stage: ValidationStage })),
  effects: z.array(Effect),
});
export type ValidationReport = z.infer<typeof ValidationReport>;

/** Bad events of one operation of a canary, when there are several operations. */
export const CanaryOperation = z.strictObject({
  operation: z.string(),
  /** Rate ratio, canary to baseline. */
  effect: z.number().nullable(),
  eValue: z.number(),
  /** Named as harmed, with a false-discovery rate of at most that of false rollbacks. */
  harmful: z.boolean(),
});
export type CanaryOperation = z.infer<typeof CanaryOperation>;

/** One metric of a canary: rates or times of both arms, the effect with its anytime-valid interval, and the evidence. */
export const CanaryMetric = z.strictObject({
  name: z.string(),
  control: z.number().nullable(),
  experiment: z.number().nullable(),
  /** Rate ratio for bad events, ratio of geometric means for latency; null without data. */
  effect: z.number().nullable(),
  interval: Interval.nullable(),
  /** E-value against "no harm"; null for metrics judged by interval. */
  eValue: z.number().nullable(),
  /** E-value against "harm beyond the margin"; null where it does not apply. */
  eValuePromotion: z.number().nullable(),
  /** Operations with a bad event, most evidence of harm first. */
  operations: z.array(CanaryOperation).optional(),
  verdict: z.enum(["promote", "rollback", "continue"]),
  reasons: z.array(ReasonCodeSchema).min(1),
});
export type CanaryMetric = z.infer<typeof CanaryMetric>;

/** `promote | rollback | continue` with its error guarantee (canary-statistics, sections 2 and 5). */
export const CanaryVerdict = z.strictObject({
  schema: z.literal("whetstone.canary/1"),
  verdict: z.enum(["promote", "rollback", "continue"]),
  reasons: z.array(ReasonCodeSchema).min(1),
  metrics: z.array(CanaryMetric),
  /** Greatest probability of a false rollback and of a false promotion, over any number of looks. */
  errorRates: z.strictObject({ rollback: z.number(), promotion: z.number() }),
  calls: z.strictObject({ control: z.number().int(), experiment: z.number().int() }),
  /** Expected further calls (both arms), and minutes at the traffic so far, until a verdict at the rates seen; null when it cannot be told. */
  forecast: z
    .strictObject({ calls: z.number().int().nullable(), minutes: z.number().nullable().optional() })
    .optional(),
});
export type CanaryVerdict = z.infer<typeof CanaryVerdict>;
