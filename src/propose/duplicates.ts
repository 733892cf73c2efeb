import type { PullRequest, PullRequests } from "../github/host-port.ts";
import type { ReasonCode } from "../model/codes.ts";
import type { Outcome } from "../model/outcome.ts";
import { parseBranchName } from "./branch-name.ts";
import { type ParsedPullRequest, parsePullRequest } from "./pull-request.ts";

/** Ends of a proposal after which the same one is not made again. */
const REFUSED: ReadonlySet<Outcome["status"]> = new Set(["rejected", "closed", "rolled_back"]);

/** Reasons that say nothing of the change itself, or leave it to those beside them: it may be proposed again. */
const CIRCUMSTANCES: ReadonlySet<ReasonCode> = new Set([
  "verdict_reject",
  "base_moved",
  "base_missing",
  "artifact_foreign",
  "digest_mismatch",
  "verdict_missing",
  "fingerprint_rejected",
  "duplicate_open",
  "disabled",
  "api_error",
  "run_failed",
  "timed_out",
  "server_failed",
  "replay_insufficient",
]);

/** What is asked of an outcome on record. */
export type EarlierEnd = Pick<Outcome, "fingerprint" | "status" | "reasons">;

/** What speaks against proposing something again. */
export type Duplicate = {
  readonly reason: Extract<ReasonCode, "fingerprint_rejected" | "duplicate_open">;
  readonly detail: string;
};

/**
 * Whether an idea was rejected before: by an outcome on record, or by a person who closed its pull request. Every idea has
 * a branch of its own, so `pulls` are all that ever came from it. Undefined when nothing speaks against it.
 */
export function rejectedBefore(
  fingerprint: string,
  outcomes: readonly EarlierEnd[],
  pulls: readonly PullRequest[],
): Duplicate | undefined {
  const outcome = outcomes.find((one) => one.fingerprint === fingerprint && isRefusal(one));
  if (outcome !== undefined) {
    return {
      reason: "fingerprint_rejected",
      detail: `The same change ended as ${outcome.status.replaceAll("_", " ")} before.`,
    };
  }
  const open = pulls.some(({ state }) => state === "open");
  const closed = pulls.find(({ state, merged }) => state === "closed" && !merged);
  if (open || closed === undefined) return undefined;
  return {
    reason: "fingerprint_rejected",
    detail: `The same change was closed without a merge in pull request ${closed.number}.`,
  };
}

/** The write job stops for circumstances too, which is on record as a rejection. */
function isRefusal({ status, reasons }: EarlierEnd): boolean {
  return REFUSED.has(status) && (status !== "rejected" || reasons.some((reason) => !CIRCUMSTANCES.has(reason)));
}

/** An open pull request of Whetstone's, with what it says where that can be read. */
export type StandingProposal = { readonly pull: PullRequest; readonly said: ParsedPullRequest | undefined };

/** The open proposals for a target, for a gate that refuses before a session costs money. Errors: `api_failed`. */
export async function standingProposals(
  pulls: Pick<PullRequests, "open">,
  target: string,
): Promise<readonly StandingProposal[]> {
  const all = await pulls.open();
  return all
    .filter(({ branch }) => parseBranchName(branch)?.target === target)
    .map((pull) => ({ pull, said: parsePullRequest(pull) }));
}

/** Whether an open proposal is about the same finding of the same operation already. Undefined when none is. */
export function openAlready(
  standing: readonly StandingProposal[],
  finding: { readonly kind: string; readonly operation: string },
): Duplicate | undefined {
  const same = standing.find(({ said }) =>
    said?.facts.findings.some(({ kind, operation }) => kind === finding.kind && operation === finding.operation),
  );
  if (same === undefined) return undefined;
  const detail = `Pull request ${same.pull.number} for ${finding.kind} in ${finding.operation} is open.`;
  return { reason: "duplicate_open", detail };
}
