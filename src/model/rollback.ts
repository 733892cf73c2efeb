import { z } from "zod";
import { CommitSha, Digest, Instant } from "./json.ts";
import { Actor } from "./ledger.ts";

/** Taking a merged change back, as the state branch keeps it: `rollbacks/<pull request>.json`. */
export const RollbackRecord = z.strictObject({
  schema: z.literal("whetstone.rollback/1"),
  /** Pull request whose change is taken back, and the proposal behind it. */
  pull: z.int().positive(),
  target: z.string().min(1),
  fingerprint: Digest,
  dossier: Digest,
  by: Actor,
  why: z.string().max(500),
  at: Instant,
  /** Before the change, with it, and the commit that it is taken back on. */
  before: CommitSha,
  changed: CommitSha,
  now: CommitSha,
  /** `blocked`: later changes stand in the way, and people were told. */
  verdict: z.enum(["proposed", "blocked"]),
  /** Digest over commits and resulting files; null where it is blocked. */
  digest: Digest.nullable(),
  /** The pull request that takes it back. */
  revert: z.strictObject({ number: z.int().positive(), branch: z.string(), sha: CommitSha }).nullable(),
  /** The last known good version that is deployed, where that is automatic. */
  deployment: z
    .strictObject({ key: z.string(), sha: CommitSha, workflow: z.string(), asked: Instant, run: z.int().nullable() })
    .nullable(),
});
export type RollbackRecord = z.infer<typeof RollbackRecord>;
