import { z } from "zod";
import { WhetstoneError } from "../../model/error.ts";
import type { Deployments, Environments } from "../host-port.ts";
import { callGitHub } from "../rest-api.ts";
import { listOnGitHub } from "../rest-list.ts";
import type { RestRepository } from "../rest-objects.ts";
import { createOnce } from "./create-once.ts";

const DEPLOYMENTS = "/repos/{owner}/{repo}/deployments";
const ENVIRONMENTS = "/repos/{owner}/{repo}/environments";
/** Characters of a state's description. */
const LONGEST_DESCRIPTION = 140;

const Deployment = z.object({ id: z.number() });
const State = z.object({ id: z.number(), state: z.string(), description: z.string().nullish() });

/** Deployments over REST. */
export function restDeployments({ client, owner, repo }: RestRepository): Deployments {
  const where = { owner, repo };
  const listStates = (id: number) => {
    const parameters = { ...where, deployment_id: id };
    return listOnGitHub(client, { route: `GET ${DEPLOYMENTS}/{deployment_id}/statuses`, parameters, answer: State });
  };
  return {
    create: async ({ sha, environment, task, description, production }) => {
      const { value, made } = await createOnce({
        find: async () => {
          const parameters = { ...where, sha, environment, task };
          return (await listOnGitHub(client, { route: `GET ${DEPLOYMENTS}`, parameters, answer: Deployment }))[0];
        },
        create: async () => {
          const rest = { auto_merge: false, required_contexts: [], production_environment: production };
          const parameters = { ...where, ref: sha, environment, task, description: short(description), ...rest };
          const answer = z.union([Deployment, z.object({ message: z.string() })]);
          const made = await callGitHub(client, { route: `POST ${DEPLOYMENTS}`, parameters, answer });
          if ("id" in made) return made;
          throw new WhetstoneError("api_failed", `GitHub made no deployment of ${sha}: ${made.message}.`, {
            remedy: "Deploy a commit that contains the head of the default branch.",
            data: { route: `POST ${DEPLOYMENTS}`, status: 202 },
          });
        },
      });
      return { id: value.id, action: made ? "created" : "kept" };
    },
    setState: async (id, { state, description, logUrl }) => {
      const text = short(description);
      const [latest] = await listStates(id);
      if (latest?.state === state && latest.description === text) return { id: latest.id, action: "kept" };
      const log = logUrl === undefined ? {} : { log_url: logUrl };
      const parameters = { ...where, deployment_id: id, state, description: text, ...log };
      const call = { route: `POST ${DEPLOYMENTS}/{deployment_id}/statuses`, parameters, answer: State };
      const { value } = await createOnce({
        find: async () => (await listStates(id)).find((one) => one.id !== latest?.id && one.state === state),
        create: () => callGitHub(client, call),
      });
      return { id: value.id, action: "created" };
    },
    states: async (id) =>
      (await listStates(id)).map(({ state, description }) => ({ state, description: description ?? "" })),
  };
}

function short(text: string): string {
  return text.length <= LONGEST_DESCRIPTION ? text : `${text.slice(0, LONGEST_DESCRIPTION - 1)}…`;
}

/** Environments over REST. */
export function restEnvironments({ client, owner, repo }: RestRepository): Environments {
  return {
    list: async () => {
      const call = {
        route: `GET ${ENVIRONMENTS}`,
        parameters: { owner, repo },
        answer: z.object({ name: z.string() }),
      };
      return (await listOnGitHub(client, call, "environments")).map(({ name }) => name);
    },
    set: async ({ name, waitMinutes, preventSelfReview, reviewers, protectedBranchesOnly }) => {
      const branches = protectedBranchesOnly ? { protected_branches: true, custom_branch_policies: false } : null;
      const parameters = {
        owner,
        repo,
        environment_name: name,
        wait_timer: waitMinutes,
        prevent_self_review: preventSelfReview,
        reviewers,
        deployment_branch_policy: branches,
      };
      await callGitHub(client, { route: `PUT ${ENVIRONMENTS}/{environment_name}`, parameters, answer: z.object({}) });
    },
  };
}
