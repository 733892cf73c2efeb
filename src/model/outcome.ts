import { z } from "zod";
import { FindingKind, Interval } from "./finding.ts";
import { Digest, Instant } from "./json.ts";
import { Effect, ReasonCodeSchema } from "./verdict.ts";

/** Kinds of changes, told from the lines that a patch adds and removes (`learn/change-kind.ts`). */
export const ChangeKind = z.enum([
  "parallelise",
  "cache",
  "batch",
  "bound",
  "retry",
  "guard",
  "remove",
  "configure",
  "rewrite",
]);
export type ChangeKind = z.infer<typeof ChangeKind>;

/** What became of a proposal, with the effect that was measured. */
export const Outcome = z.strictObject({
  schema: z.literal("whetstone.outcome/1"),
  id: z.string(),
  at: Instant,
  target: z.string(),
  proposal: z.string(),
  session: z.string(),
  fingerprint: Digest,
  /**
   * `proposed`: passed every stage and waits for people. `held`, `faded`: what traffic showed of a promoted change after
   * the time that counts as held; where it shows neither, the change stays `promoted`.
   */
  status: z.enum([
    "no_change",
    "rejected",
    "inconclusive",
    "proposed",
    "closed",
    "merged",
    "promoted",
    "rolled_back",
    "held",
    "faded",
  ]),
  reasons: z.array(ReasonCodeSchema).min(1),
  findings: z.array(FindingKind),
  /** Files that the patch touched. */
  paths: z.array(z.string()),
  effects: z.array(Effect),
  costUsd: z.number().nonnegative(),
  /** Digest of the dossier's manifest. */
  dossier: Digest,
  /** Whether every stage of validation passed; absent in records of before this was kept. */
  validated: z.boolean().exactOptional(),
  /** Of `held` and `faded`: the effects that traffic showed, with their intervals. */
  observed: z.array(Effect).exactOptional(),
  /** What kind of change the patch makes, by its lines; absent without a patch that parses. */
  change: ChangeKind.exactOptional(),
  /** What the person who closed it said; told to later sessions as data. */
  note: z.string().max(500).exactOptional(),
  /** What people changed of a proposal before they merged it: files, and lines added or removed beside it. */
  edited: z.strictObject({ files: z.int().nonnegative(), lines: z.int().nonnegative() }).exactOptional(),
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

/** What a hard rule keeps a session from: the gate refuses it in code, whatever the model was told. */
export const Forbidden = z.strictObject({
  /** Kinds of findings that no session may work on. */
  findings: z.array(FindingKind),
  /** Globs of files that no proposal may touch. */
  paths: z.array(z.string().min(1)),
});
export type Forbidden = z.infer<typeof Forbidden>;

/** An instruction learned from patterns, or a safety constraint that a person wrote; a file `rules/<id>.yaml`. */
export const Rule = z.strictObject({
  schema: z.literal("whetstone.rule/1"),
  id: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  version: z.number().int().positive(),
  state: z.enum(["candidate", "active", "retired"]),
  text: z.string().min(1).max(400),
  scope: z.strictObject({
    target: z.string(),
    findings: z.array(FindingKind).min(1),
    paths: z.array(z.string()),
    /** Tools whose findings it is for; all when absent. */
    tools: z.array(z.string().min(1)).min(1).exactOptional(),
  }),
  /** Present: a safety constraint. Every session sees it, nothing is drawn, and the gate enforces it. */
  hard: Forbidden.exactOptional(),
  /** The pattern it was learned from, with its numbers; absent for what a person wrote. */
  evidence: Pattern.exactOptional(),
  /** Whose words its text is where a session worded it: the session, and the words that the pattern itself gives. */
  worded: z.strictObject({ session: z.string().min(1), from: z.string().min(1) }).exactOptional(),
  /** Measured effect of the rule itself; absent until sessions were randomised over it. */
  effect: z.strictObject({ delta: z.number(), interval: Interval, trials: z.number().int() }).optional(),
  created: Instant,
  expires: Instant,
  /** When and why it was retired. */
  retired: z.strictObject({ at: Instant, why: z.string().min(1).max(500) }).exactOptional(),
});
export type Rule = z.infer<typeof Rule>;
