import { z } from "zod";
import { FindingKind, Interval } from "./finding.ts";
import { ChangeKind, Pattern, Rule } from "./outcome.ts";
import { ReasonCodeSchema } from "./verdict.ts";

/** One cell of the table of outcomes: kind of finding × kind of change × folder × reason. */
export const PatternCell = z.strictObject({
  finding: FindingKind,
  /** `unknown` for records of before this was kept, and patches that do not parse. */
  change: z.enum([...ChangeKind.options, "unknown"]),
  /** Folder of the first file that the patch touched; empty for the top. */
  folder: z.string(),
  /** First reason of the outcome. */
  reason: ReasonCodeSchema,
  /** Proposals of this finding, change and folder, whatever their reason; of these, those that ended for it. */
  trials: z.int().positive(),
  occurrences: z.int().positive(),
  /** Of `trials`, those that are in force: promoted or held. */
  kept: z.int().nonnegative(),
  /** Share of `kept`, with its interval (Jeffreys). */
  success: Interval.extend({ share: z.number() }),
  /** US dollars that the sessions of the occurrences cost. */
  costUsd: z.number().nonnegative(),
});
export type PatternCell = z.infer<typeof PatternCell>;

const Arm = z.strictObject({ trials: z.int().nonnegative(), successes: z.int().nonnegative(), share: z.number() });

/**
 * E-values of a rule that stay valid however often they are looked at (`learn/anytime.ts`), each the most it ever came to. A claim
 * that is made at 20 is wrong with a probability of at most 5 %.
 */
export const EvidenceOfRule = z.strictObject({
  /** Against "it raises no session's chance of success". */
  helps: z.number(),
  /** Against "it raises every session's chance by 5 points", what it must to be worth its tokens. */
  wastes: z.number(),
  /** Sessions that it is from: those before the first one that is not over. */
  sessions: z.int().nonnegative(),
});
export type EvidenceOfRule = z.infer<typeof EvidenceOfRule>;

/** Effect of a rule on a share of sessions: with the rule less without it, as drawn. */
export const MeasuredEffect = z.strictObject({
  shown: Arm,
  heldOut: Arm,
  /** Shrunk difference of the shares, and P(difference > 0). */
  delta: z.number(),
  helps: z.number(),
  interval: Interval,
  evidence: EvidenceOfRule,
});
export type MeasuredEffect = z.infer<typeof MeasuredEffect>;

/** What is known of one rule, and what is due for it. */
export const RuleReview = z.strictObject({
  rule: z.string(),
  version: z.int(),
  /** `hard`: not measured. `candidate`, `retired`: not in force. `expired`: not in force until it is renewed. */
  standing: z.enum(["candidate", "retired", "expired", "hard", "trial", "undecided", "helps", "useless"]),
  /** On proposals that pass validation; absent before the first session was drawn. */
  validated: MeasuredEffect.exactOptional(),
  /** On changes that are still in force after the time that counts as held. */
  held: MeasuredEffect.exactOptional(),
  /** Estimated tokens that its text costs a session. */
  tokens: z.int().nonnegative(),
  /** How many more sessions a decision is likely to take. */
  needs: z.int().nonnegative().exactOptional(),
  due: z
    .strictObject({
      kind: z.enum(["retire", "renew"]),
      why: z.enum(["effect", "expired", "budget"]),
      detail: z.string(),
    })
    .exactOptional(),
});
export type RuleReview = z.infer<typeof RuleReview>;

/** One measure of success, with what it should come to. */
export const LearningMetric = z.strictObject({
  name: z.enum([
    "patterns",
    "rules_refined",
    "successful_optimisations",
    "knowledge_growth",
    "deployment_success",
    "rollback_frequency",
  ]),
  /** Null where nothing could be counted yet. */
  value: z.number().nullable(),
  interval: Interval.exactOptional(),
  goal: z.strictObject({ is: z.enum(["above", "at_least", "below"]), value: z.number() }),
  /** Null also where the interval holds the goal: too few to tell. */
  met: z.boolean().nullable(),
  /** How it was counted, for people. */
  detail: z.string(),
});
export type LearningMetric = z.infer<typeof LearningMetric>;

/** What `whetstone learn` saw and concludes. */
export const LearningReport = z.strictObject({
  schema: z.literal("whetstone.learning/1"),
  target: z.string(),
  outcomes: z.int().nonnegative(),
  reasons: z.array(ReasonCodeSchema).min(1),
  patterns: z.array(Pattern),
  cells: z.array(PatternCell),
  reviews: z.array(RuleReview),
  /** Rules that are new or changed; candidates on the state branch until a reviewed commit takes them over. */
  rules: z.array(Rule),
  metrics: z.array(LearningMetric),
  /** What was seen, what follows, how sure it is, and how many more outcomes it takes: one line each. */
  explanation: z.array(z.string()),
});
export type LearningReport = z.infer<typeof LearningReport>;
