import { z } from "zod";
import { FindingKind, Interval } from "./finding.ts";
import { Digest, Instant } from "./json.ts";
import { Effect, ReasonCodeSchema } from "./verdict.ts";

/** What became of a proposal, with the effect that was measured. */
export const Outcome = z.strictObject({
  schema: z.literal("whetstone.outcome/1"),
  id: z.string(),
  at: Instant,
  target: z.string(),
  proposal: z.string(),
  session: z.string(),
  fingerprint: Digest,
  status: z.enum(["no_change", "rejected", "inconclusive", "closed", "merged", "promoted", "rolled_back", "held"]),
  reasons: z.array(ReasonCodeSchema).min(1),
  findings: z.array(FindingKind),
  /** Files that the patch touched. */
  paths: z.array(z.string()),
  effects: z.array(Effect),
  costUsd: z.number().nonnegative(),
  /** Digest of the dossier's manifest. */
  dossier: Digest,
});
export type Outcome = z.infer<typeof Outcome>;

/** A regularity over outcomes: how often changes for a kind of finding held or failed, and why. */
export const Pattern = z.strictObject({
  id: z.string(),
  finding: FindingKind,
  /** `effective_fix`: promoted; `recurring_failure`: stopped for the same reason. */
  kind: z.enum(["effective_fix", "recurring_failure"]),
  reason: ReasonCodeSchema,
  /** Outcomes with this finding kind; of these, those that show the pattern. */
  trials: z.number().int().positive(),
  occurrences: z.number().int().positive(),
  /** Share and its interval (Jeffreys). */
  share: z.number(),
  interval: Interval,
  outcomes: z.array(z.string()).min(1),
  /** Distinct fingerprints among the outcomes: independent ideas. */
  independent: z.number().int().positive(),
});
export type Pattern = z.infer<typeof Pattern>;

/** An instruction learned from patterns; a file `rules/<id>.yaml`. */
export const Rule = z.strictObject({
  schema: z.literal("whetstone.rule/1"),
  id: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  version: z.number().int().positive(),
  state: z.enum(["candidate", "active", "retired"]),
  text: z.string().min(1).max(400),
  scope: z.strictObject({ target: z.string(), findings: z.array(FindingKind).min(1), paths: z.array(z.string()) }),
  /** The pattern it was learned from, with its numbers. */
  evidence: Pattern,
  /** Measured effect of the rule itself; absent until sessions were randomised over it. */
  effect: z.strictObject({ delta: z.number(), interval: Interval, trials: z.number().int() }).optional(),
  created: Instant,
  expires: Instant,
});
export type Rule = z.infer<typeof Rule>;
