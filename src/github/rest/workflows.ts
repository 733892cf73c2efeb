import { z } from "zod";
import { WhetstoneError } from "../../model/error.ts";
import { CommitSha } from "../../model/json.ts";
import type { Artifact, Artifacts, Repository, Workflows } from "../host-port.ts";
import { callGitHub, findOnGitHub } from "../rest-api.ts";
import { listOnGitHub } from "../rest-list.ts";
import type { RestRepository } from "../rest-objects.ts";
import { listWorkflows } from "./runs.ts";

const REPOSITORY = "/repos/{owner}/{repo}";
const ACTIONS = `${REPOSITORY}/actions`;

/** Workflows over REST. */
export function restWorkflows(repository: RestRepository): Workflows {
  const { client, owner, repo } = repository;
  const where = { owner, repo };
  const at = (file: string) => ({ ...where, workflow_id: file });
  const put = async (file: string, verb: "enable" | "disable"): Promise<void> => {
    const call = { route: `PUT ${ACTIONS}/workflows/{workflow_id}/${verb}`, parameters: at(file), answer: z.unknown() };
    await callGitHub(client, call);
  };
  return {
    dispatch: async (file, { ref, inputs }) => {
      const parameters = { ...at(file), ref, inputs, return_run_details: true };
      // An older server answers with nothing.
      const answer = z.union([z.object({ workflow_run_id: z.number() }), z.unknown()]);
      const call = { route: `POST ${ACTIONS}/workflows/{workflow_id}/dispatches`, parameters, answer };
      const started = await callGitHub(client, call);
      const id: unknown = Reflect.get(Object(started), "workflow_run_id");
      return { runId: typeof id === "number" ? id : undefined };
    },
    enable: (file) => put(file, "enable"),
    disable: (file) => put(file, "disable"),
    state: async (file) => {
      const answer = z.object({ state: z.string() });
      const call = { route: `GET ${ACTIONS}/workflows/{workflow_id}`, parameters: at(file), answer };
      return (await findOnGitHub(client, call))?.state;
    },
    list: () => listWorkflows(repository),
  };
}

const RestArtifact = z.object({
  id: z.number(),
  name: z.string(),
  size_in_bytes: z.number(),
  expired: z.boolean(),
  digest: z.string().nullish(),
  workflow_run: z
    .object({ id: z.number(), repository_id: z.number().optional(), head_repository_id: z.number().optional() })
    .nullish(),
});

/** Artifacts over REST; there is no call that uploads one. */
export function restArtifacts({ client, owner, repo }: RestRepository): Artifacts {
  const where = { owner, repo };
  return {
    find: async (id) => {
      const parameters = { ...where, artifact_id: id };
      const call = { route: `GET ${ACTIONS}/artifacts/{artifact_id}`, parameters, answer: RestArtifact };
      const found = await findOnGitHub(client, call);
      return found === undefined ? undefined : shapeOf(found);
    },
    ofRun: async (runId) => {
      const parameters = { ...where, run_id: runId };
      const call = { route: `GET ${ACTIONS}/runs/{run_id}/artifacts`, parameters, answer: RestArtifact };
      return (await listOnGitHub(client, call, "artifacts")).map(shapeOf);
    },
    download: async (id) => {
      const parameters = { ...where, artifact_id: id, archive_format: "zip" };
      const route = `GET ${ACTIONS}/artifacts/{artifact_id}/{archive_format}`;
      const bytes = await callGitHub(client, { route, parameters, answer: z.unknown() });
      // Not by class: a buffer of another realm is one too.
      if (Object.prototype.toString.call(bytes) === "[object ArrayBuffer]") return new Uint8Array(bytes as ArrayBuffer);
      throw new WhetstoneError("api_failed", `${route}: the answer is no archive.`, { data: { route, artifact: id } });
    },
  };
}

function shapeOf(artifact: z.output<typeof RestArtifact>): Artifact {
  return {
    id: artifact.id,
    name: artifact.name,
    bytes: artifact.size_in_bytes,
    expired: artifact.expired,
    digest: /^sha256:([0-9a-f]{64})$/.exec(artifact.digest ?? "")?.[1],
    runId: artifact.workflow_run?.id,
    headRepositoryId: artifact.workflow_run?.head_repository_id,
    repositoryId: artifact.workflow_run?.repository_id,
  };
}

/** Facts about the repository over REST. */
export function restRepository({ client, owner, repo }: RestRepository): Repository {
  const where = { owner, repo };
  return {
    facts: async () => {
      const answer = z.object({ id: z.number(), default_branch: z.string() });
      const found = await callGitHub(client, { route: `GET ${REPOSITORY}`, parameters: where, answer });
      return { id: found.id, defaultBranch: found.default_branch };
    },
    variable: async (name) => {
      const answer = z.object({ value: z.string() });
      const call = { route: `GET ${ACTIONS}/variables/{name}`, parameters: { ...where, name }, answer };
      return (await findOnGitHub(client, call))?.value;
    },
    permission: async (user) => {
      const answer = z.object({ permission: z.string(), role_name: z.string().optional() });
      const parameters = { ...where, username: user };
      const route = `GET ${REPOSITORY}/collaborators/{username}/permission`;
      const found = await findOnGitHub(client, { route, parameters, answer });
      return found === undefined ? "none" : levelOf(found);
    },
    run: async (id) => {
      const answer = z.object({ run_attempt: z.number().optional(), head_sha: CommitSha });
      const parameters = { ...where, run_id: id };
      const found = await findOnGitHub(client, { route: `GET ${ACTIONS}/runs/{run_id}`, parameters, answer });
      return found === undefined ? undefined : { attempt: found.run_attempt ?? 1, headSha: found.head_sha };
    },
  };
}

/** What GitHub's own roles between two permissions amount to. */
const BETWEEN: Readonly<Record<string, string>> = { maintain: "write", triage: "read" };

/** The name of a role may be an organisation's own and says nothing then; what it permits is stated beside it. */
function levelOf({ permission, role_name: role = "" }: { permission: string; role_name?: string | undefined }): string {
  return BETWEEN[role] === permission ? role : permission;
}
