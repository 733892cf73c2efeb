/**
 * The used parts of GitHub's deliveries, one schema for each kind: what GitHub may leave out or make null is optional here.
 * Source of the forms: `x-webhooks` of GitHub's OpenAPI description.
 */
import { z } from "zod";

/** The used part of an `issue_comment.created` delivery. */
export const CommentDelivery = z.object({
  comment: z.object({
    id: z.number().int(),
    body: z.string(),
    /** Null for the comment of an account that is gone. */
    user: z.object({ id: z.number().int(), login: z.string().min(1), type: z.string().optional() }).nullable(),
    /** The App through which it was written, also where a person's account wrote it. */
    performed_via_github_app: z.object({ id: z.number().int() }).nullish(),
    /** When it was written. */
    created_at: z.iso.datetime({ offset: true }).optional(),
  }),
  issue: z.object({ number: z.number().int(), pull_request: z.object({}).nullish() }),
  repository: z.object({ name: z.string().min(1), owner: z.object({ login: z.string().min(1) }) }),
});
export type CommentDelivery = z.infer<typeof CommentDelivery>;

const Account = z.object({ login: z.string(), type: z.string() });
const Numbered = z.object({ number: z.int().positive() });

/** Of every `pull_request.*` and `pull_request_review.*` delivery. */
export const PullDelivery = z.object({ pull_request: Numbered });

/** Of `pull_request.closed`. */
export const ClosedDelivery = z.object({
  pull_request: Numbered.extend({ merged_by: Account.nullish() }),
  sender: Account,
});

/** Of `pull_request.reopened`. */
export const ReopenedDelivery = z.object({ pull_request: Numbered, sender: Account });

/** Of `check_run.requested_action` and `check_run.rerequested`. */
export const CheckRunDelivery = z.object({
  check_run: z.object({
    id: z.int().positive(),
    head_sha: z.string(),
    external_id: z.string().nullish(),
    app: z.object({ id: z.int() }).nullish(),
    started_at: z.iso.datetime({ offset: true }).nullish(),
    completed_at: z.iso.datetime({ offset: true }).nullish(),
  }),
  requested_action: z.object({ identifier: z.string().optional() }).nullish(),
  sender: Account.nullish(),
});
export type CheckRunDelivery = z.infer<typeof CheckRunDelivery>;

/** Of `workflow_run.*`. */
export const RunDelivery = z.object({ workflow_run: z.object({ id: z.int().positive() }) });

const Commit = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);

/** Of `merge_group.checks_requested`. */
export const MergeGroupDelivery = z.object({
  merge_group: z.object({ head_sha: Commit, base_sha: Commit, head_ref: z.string() }),
});

/** Of `deployment_protection_rule.requested`. */
export const GateDelivery = z.object({
  environment: z.string().min(1).max(255).optional(),
  deployment_callback_url: z.string().optional(),
  deployment: z.object({ environment: z.string().min(1).max(255) }).nullish(),
});

const Repositories = z.array(z.object({ full_name: z.string().regex(/^[^/]+\/[^/]+$/) }));

/** Of `installation.*` and `installation_repositories.*`. */
export const InstallationDelivery = z.object({
  installation: z.object({ id: z.int(), account: z.object({ login: z.string() }).nullish() }),
  /** Of `installation.created` and `installation.deleted`. */
  repositories: Repositories.nullish(),
  repositories_added: Repositories.nullish(),
  repositories_removed: Repositories.nullish(),
});
export type InstallationDelivery = z.infer<typeof InstallationDelivery>;
