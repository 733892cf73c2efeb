import { z } from "zod";
import { WhetstoneError } from "../../model/error.ts";
import type { CommitSha } from "../../model/json.ts";
import { callGraphQL, type GitHubGraph } from "../graphql.ts";
import { apiStatus, callGitHub } from "../rest-api.ts";
import { restTip } from "../rest-objects.ts";

/** A repository reached by both APIs. */
export type GraphRepository = { readonly owner: string; readonly repo: string; readonly client: GitHubGraph };

/** A move of a branch that no commit leads to: back, aside, or away (`to` undefined). */
export type RefMove = { readonly branch: string; readonly from: CommitSha; readonly to: CommitSha | undefined };

const UPDATE_REFS = `mutation($repositoryId: ID!, $name: GitRefname!, $before: GitObjectID!, $after: GitObjectID!) {
  updateRefs(input: { repositoryId: $repositoryId, refUpdates: [{ name: $name, beforeOid: $before, afterOid: $after, force: true }] }) {
    clientMutationId
  }
}`;

/**
 * Moves or deletes a branch only if it still points to `from`; false when it does not. By GraphQL, which compares and
 * swaps in one step. A server without that mutation compares and moves in two: between them a write of somebody else
 * would be lost, so this is for Whetstone's own proposal branches alone.
 * @throws WhetstoneError `api_failed`
 */
export async function swapRef(repository: GraphRepository, move: RefMove): Promise<boolean> {
  const { branch, from, to } = move;
  if ((await restTip(repository, branch)) !== from) return false;
  try {
    const after = to ?? "0".repeat(from.length);
    const variables = { repositoryId: await nodeId(repository), name: `refs/heads/${branch}`, before: from, after };
    const query = { name: "updateRefs", query: UPDATE_REFS, variables, answer: z.object({ updateRefs: z.object({}) }) };
    const result = await callGraphQL(repository.client, query);
    if (result.kind === "done") return true;
    if (result.kind === "stale") return false;
    await moveInTwoSteps(repository, move);
    return true;
  } catch (error) {
    if ((apiStatus(error) ?? 500) < 500) throw error;
    // The answer is lost or a failure on GitHub's side: what stands tells whether it was carried out.
    const tip = await restTip(repository, branch);
    if (tip === to) return true;
    if (tip === from) throw error;
    return false;
  }
}

async function moveInTwoSteps({ client, owner, repo }: GraphRepository, { branch, to }: RefMove): Promise<void> {
  const parameters = { owner, repo, ref: `heads/${branch}` };
  const route = "/repos/{owner}/{repo}/git/refs/{ref}";
  if (to === undefined) await callGitHub(client, { route: `DELETE ${route}`, parameters, answer: z.unknown() });
  else {
    const forced = { ...parameters, sha: to, force: true };
    await callGitHub(client, { route: `PATCH ${route}`, parameters: forced, answer: z.object({}) });
  }
}

/** The repository's id for GraphQL. */
async function nodeId({ client, owner, repo }: GraphRepository): Promise<string> {
  const answer = z.object({ node_id: z.string() });
  return (await callGitHub(client, { route: "GET /repos/{owner}/{repo}", parameters: { owner, repo }, answer }))
    .node_id;
}

/** Somebody else wrote a branch that is being written. */
export function refMoved(branch: string, expected: CommitSha | undefined): WhetstoneError {
  return new WhetstoneError("ref_moved", `The branch ${branch} moved while the proposal was being written.`, {
    remedy: "Somebody else wrote it; look at it, then run again.",
    data: { branch, expected: expected ?? null },
  });
}
