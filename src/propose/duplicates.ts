import type { PullRequest, PullRequests } from "../github/host-port.ts";
import type { ReasonCode } from "../model/codes.ts";
import type { Outcome } from "../model/outcome.ts";
import { parseBranchName } from "./branch-name.ts";
import { parsePullRequest } from "./pull-request.ts";

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

/** What is about to be proposed, as far as another proposal may stand in its way. */
export type Intended = { readonly target: string; readonly branch: string; readonly operation: string };

/**
 * Whether people have another proposal for the same operation of the target before them: one at a time, since both would
 * claim the same effect and the second one was measured without the first. What a person rewrote so that it cannot be read
 * back does not count. Undefined when none is open. Errors: `api_failed`.
 */
export async function openAlready(
  pulls: Pick<PullRequests, "open">,
  { target, branch, operation }: Intended,
): Promise<Duplicate | undefined> {
  const others = (await pulls.open()).filter(
    (pull) => pull.branch !== branch && parseBranchName(pull.branch)?.target === target,
  );
  const same = others.find((pull) => parsePullRequest(pull)?.facts.hypothesis.operation === operation);
  if (same === undefined) return undefined;
  const detail = `Pull request ${same.number} for ${operation} is open: merge or close it first.`;
  return { reason: "duplicate_open", detail };
}
