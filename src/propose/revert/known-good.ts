import type { Deployments } from "../../github/host-port.ts";
import type { History } from "../../github/history-port.ts";
import type { CommitSha } from "../../model/json.ts";

/** Deployments that are looked at, newest first, before the commit before the change is taken. */
const MOST_DEPLOYMENTS = 40;

/** A version that worked before the change, and how that is known. */
export type KnownGood = { readonly sha: CommitSha; readonly by: "deployment" | "parent" };

/**
 * The last known good version: the newest one that was deployed to the environment with success and is the commit before
 * the change or one of its ancestors; a canary of the change itself can thus never be it. Without such a deployment: the
 * commit before the change.
 * @throws WhetstoneError `api_failed`
 */
export async function knownGood(
  {
    history,
    deployments,
  }: {
    readonly history: Pick<History, "deployed" | "contains">;
    readonly deployments: Pick<Deployments, "states">;
  },
  { environment, before }: { readonly environment: string; readonly before: CommitSha },
): Promise<KnownGood> {
  for (const { id, sha } of (await history.deployed(environment)).slice(0, MOST_DEPLOYMENTS)) {
    // A later success sets earlier ones to `inactive`: what counts is that it was one once.
    const succeeded = (await deployments.states(id)).some(({ state }) => state === "success");
    if (succeeded && (sha === before || (await history.contains(before, sha)))) return { sha, by: "deployment" };
  }
  return { sha: before, by: "parent" };
}
