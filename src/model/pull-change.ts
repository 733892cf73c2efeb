import { z } from "zod";
import { FindingKind } from "./finding.ts";
import { CommitSha, Digest, Instant } from "./json.ts";
import { Hypothesis } from "./proposal.ts";
import { StageResult } from "./dossier.ts";
import { ReasonCodeSchema, ValidationReport } from "./verdict.ts";

/** A pull request at one commit, as a person asks for it. */
export const PullAtHead = z.strictObject({ number: z.int().positive(), headSha: CommitSha });
export type PullAtHead = z.infer<typeof PullAtHead>;

/** A pull request at a commit as the input `session` of a run names it: `pull:NUMBER@COMMIT`. */
export function formatPullSession({ number, headSha }: PullAtHead): string {
  return `pull:${number}@${headSha}`;
}

/** Reads what {@link formatPullSession} wrote; undefined for everything else. */
export function parsePullSession(text: string | undefined): PullAtHead | undefined {
  const [, number, headSha] = /^pull:([1-9]\d{0,9})@([0-9a-f]{40})$/.exec(text ?? "") ?? [];
  return number === undefined || headSha === undefined ? undefined : { number: Number(number), headSha };
}

/** `pull.json` of a dossier: the pull request whose change is proved instead of a session's. */
export const PullChange = PullAtHead.extend({
  schema: z.literal("whetstone.pull-change/1"),
  /** Commit that the pull request and the default branch have in common. */
  mergeBase: CommitSha,
  /** SHA-256 of the patch from the base commit of the run. */
  patchDigest: Digest,
  /** Stated on record of a proposal of Whetstone; null: nobody claims an effect, the change must only do no harm. */
  hypothesis: Hypothesis.nullable(),
  /** Findings that it answers by the record; empty where there is none. */
  findings: z.array(FindingKind),
  at: Instant,
});
export type PullChange = z.infer<typeof PullChange>;

/** `app/validations/<pull>.json` on the state branch: what a run that a comment asked for found of a pull request. */
export const PullValidation = z.strictObject({
  schema: z.literal("whetstone.pull-validation/1"),
  pull: z.int().positive(),
  headSha: CommitSha,
  target: z.string(),
  /** Id of the comment that asked, and of the workflow run that answers. */
  comment: z.int().positive(),
  run: z.int().positive(),
  at: Instant,
  verdict: z.enum(["pass", "fail", "inconclusive"]),
  reasons: z.array(ReasonCodeSchema).min(1),
  stages: z.array(StageResult),
  /** Null where no patch was made of the pull request. */
  patchDigest: Digest.nullable(),
  baseSha: CommitSha,
  /** Null where the change was not run. */
  report: ValidationReport.nullable(),
});
export type PullValidation = z.infer<typeof PullValidation>;
