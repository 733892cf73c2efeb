import { z } from "zod";
import { CommitSha, Digest, Instant } from "./json.ts";
import { FindingKind } from "./finding.ts";
import { SessionRun } from "./session.ts";

/** What a change is expected to do, stated before it is measured. */
export const Hypothesis = z.strictObject({
  /** `p50_ms`, `p95_ms`: latency of the operation. `error_rate`: share of its calls that fail. */
  metric: z.enum(["p50_ms", "p95_ms", "error_rate"]),
  /** Tool whose calls are measured. */
  operation: z.string(),
  direction: z.enum(["decrease", "increase"]),
  /**
   * Expected relative change, −0.5 = half of it is gone. 0: nothing is claimed but that it does not get worse, which only the
   * change of a pull request of people may say; see `detect/hypothesis.ts`.
   */
  expectedChange: z.number().min(-1),
});
export type Hypothesis = z.infer<typeof Hypothesis>;

/** What the model answers: a change and the reason for it. Hostile until it has passed validation. */
export const SessionAnswer = z.strictObject({
  title: z.string().min(1).max(120),
  /** Unified diff against the base commit, as `git diff` prints it. */
  patch: z.string(),
  hypothesis: Hypothesis,
  rationale: z.string().max(4_000),
  /** Kinds of findings the change answers; none only for a pull request of people. */
  findings: z.array(FindingKind),
});
export type SessionAnswer = z.infer<typeof SessionAnswer>;

/** A session's answer bound to its base: the unit that is validated, proposed, judged and recorded. */
export const Proposal = z.strictObject({
  schema: z.literal("whetstone.proposal/1"),
  id: z.string(),
  target: z.string(),
  session: z.string(),
  baseSha: CommitSha,
  answer: SessionAnswer,
  /** SHA-256 of the patch text. */
  patchDigest: Digest,
  /** SHA-256 of what the patch does (paths and changed lines, without positions): equal ideas have equal fingerprints. */
  fingerprint: Digest,
});
export type Proposal = z.infer<typeof Proposal>;

/** Tokens, turns and money that a session used. */
export const SessionUsage = z.strictObject({
  inputTokens: z.number().int().nonnegative(),
  outputTokens: z.number().int().nonnegative(),
  turns: z.number().int().nonnegative(),
  costUsd: z.number().nonnegative(),
});
export type SessionUsage = z.infer<typeof SessionUsage>;

export const SessionMode = z.enum(["analysis", "refinement"]);
export type SessionMode = z.infer<typeof SessionMode>;

/** One Claude Code run: recorded so that it can be replayed without a model. */
export const SessionRecord = z.strictObject({
  /** Version 2 may hold `run`; everything of version 1 is valid in it. */
  schema: z.enum(["whetstone.session/1", "whetstone.session/2"]),
  id: z.string().min(1),
  mode: SessionMode,
  target: z.string(),
  /** Model that gave the answer, or who wrote the recording. */
  model: z.string(),
  recordedAt: Instant,
  /** Which rules the session saw: id, version, and the probability it was assigned with. */
  arms: z.array(z.strictObject({ rule: z.string(), version: z.number().int(), assigned: z.boolean(), q: z.number() })),
  usage: SessionUsage,
  /** For the next session on the same target. */
  summary: z.string(),
  /** Absent when the session found nothing to change. */
  answer: SessionAnswer.optional(),
  /** True when a limit cut the session off. */
  partial: z.boolean(),
  /** How it went; absent where nobody watched, as in recordings written by hand. */
  run: SessionRun.optional(),
});
export type SessionRecord = z.infer<typeof SessionRecord>;
