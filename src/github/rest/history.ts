import { z } from "zod";
import { CommitSha } from "../../model/json.ts";
import type { History } from "../history-port.ts";
import { apiStatus, callGitHub, findOnGitHub } from "../rest-api.ts";
import { listOnGitHub } from "../rest-list.ts";
import { restBytes, restCommit, restEntries, type RestRepository, restTree } from "../rest-objects.ts";

const REPOSITORY = "/repos/{owner}/{repo}";

/** History over REST. Trees are read once: a commit never changes. */
export function restHistory(repository: RestRepository): History {
  const { client, owner, repo } = repository;
  const where = { owner, repo };
  return {
    commit: async (sha) => {
      try {
        const { parents, message } = await restCommit(repository, sha);
        return { parents, message };
      } catch (error) {
        if (apiStatus(error) === 404 || apiStatus(error) === 422) return undefined;
        throw error;
      }
    },
    tree: async (sha) => await restEntries(repository, await restTree(repository, sha)),
    blob: (sha) => restBytes(repository, sha),
    contains: async (descendant, ancestor) => {
      const call = {
        route: `GET ${REPOSITORY}/compare/{basehead}`,
        parameters: { ...where, basehead: `${ancestor}...${descendant}`, per_page: 1 },
        answer: z.object({ status: z.string() }),
      };
      const found = await findOnGitHub(client, call);
      return found?.status === "ahead" || found?.status === "identical";
    },
    mergeBase: async (a, b) => {
      const call = {
        route: `GET ${REPOSITORY}/compare/{basehead}`,
        // Files and their patches stand on the first page alone.
        parameters: { ...where, basehead: `${a}...${b}`, per_page: 1, page: 2 },
        answer: z.object({ merge_base_commit: z.object({ sha: CommitSha }) }),
      };
      return (await findOnGitHub(client, call))?.merge_base_commit.sha;
    },
    messagesOfPull: async (number) => {
      const call = {
        route: `GET ${REPOSITORY}/pulls/{pull_number}/commits`,
        parameters: { ...where, pull_number: number },
        answer: z.object({ commit: z.object({ message: z.string() }) }),
      };
      return (await listOnGitHub(client, call)).map(({ commit }) => commit.message);
    },
    deployed: async (environment) => {
      const call = {
        route: `GET ${REPOSITORY}/deployments`,
        parameters: { ...where, environment, per_page: 100 },
        answer: z.array(z.object({ id: z.number(), sha: CommitSha, task: z.string() })),
      };
      return await callGitHub(client, call);
    },
  };
}
