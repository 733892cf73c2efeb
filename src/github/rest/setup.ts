import { Buffer } from "node:buffer";
import { z } from "zod";
import { codeOf, messageOf, WhetstoneError } from "../../model/error.ts";
import { callGitHub, findOnGitHub } from "../rest-api.ts";
import { listOnGitHub } from "../rest-list.ts";
import type { RestRepository } from "../rest-objects.ts";
import type { EnvironmentSetup, Fact, RepositorySetup } from "../setup-port.ts";

const REPOSITORY = "/repos/{owner}/{repo}";
const WORKFLOWS = ".github/workflows";
const Named = z.object({ name: z.string() });

/** Reads the settings over REST, each for itself: what may not be seen keeps nothing else from being seen. */
export async function readSetup(repository: RestRepository): Promise<RepositorySetup> {
  const facts = await fact(() => repositoryFacts(repository));
  return {
    repository: facts,
    actions: await fact(() => actionsFacts(repository)),
    workflowToken: await fact(() => workflowToken(repository)),
    workflowFiles: await fact(() => workflowFiles(repository)),
    workflowStates: await fact(() => workflowStates(repository)),
    secrets: await fact(async () => [
      ...(await secretNames(repository, `${REPOSITORY}/actions/secrets`)),
      ...(await secretNames(repository, `${REPOSITORY}/actions/organization-secrets`)),
    ]),
    variables: await fact(() => variables(repository)),
    environments: await fact(() => environments(repository)),
    rules: (branch) => fact(() => branchRules(repository, branch)),
  };
}

/** What GitHub refuses is a fact too; anything else is not for here. */
async function fact<Value>(read: () => Promise<Value>): Promise<Fact<Value>> {
  try {
    return { seen: true, value: await read() };
  } catch (error) {
    if (codeOf(error) !== "api_failed") throw error;
    const remedy = error instanceof WhetstoneError ? error.remedy : undefined;
    return { seen: false, why: messageOf(error), ...(remedy === undefined ? {} : { remedy }) };
  }
}

async function repositoryFacts({ client, ...where }: RestRepository) {
  const answer = z.object({
    default_branch: z.string(),
    archived: z.boolean().default(false),
    has_issues: z.boolean().default(true),
    permissions: z.object({ push: z.boolean(), admin: z.boolean() }).optional(),
  });
  const found = await callGitHub(client, { route: `GET ${REPOSITORY}`, parameters: where, answer });
  return {
    defaultBranch: found.default_branch,
    archived: found.archived,
    issues: found.has_issues,
    may: found.permissions ?? { push: false, admin: false },
  };
}

async function actionsFacts({ client, ...where }: RestRepository) {
  const answer = z.object({ enabled: z.boolean(), allowed_actions: z.string().default("all") });
  const call = { route: `GET ${REPOSITORY}/actions/permissions`, parameters: where, answer };
  const { enabled, allowed_actions: allowed } = await callGitHub(client, call);
  return { enabled, allowed };
}

async function workflowToken({ client, ...where }: RestRepository) {
  const answer = z.object({ default_workflow_permissions: z.string(), can_approve_pull_request_reviews: z.boolean() });
  const call = { route: `GET ${REPOSITORY}/actions/permissions/workflow`, parameters: where, answer };
  const found = await callGitHub(client, call);
  return { access: found.default_workflow_permissions, opensPullRequests: found.can_approve_pull_request_reviews };
}

async function workflowFiles({ client, ...where }: RestRepository): Promise<ReadonlyMap<string, string>> {
  const route = `GET ${REPOSITORY}/contents/{path}`;
  const list = { route, parameters: { ...where, path: WORKFLOWS }, answer: z.array(Named) };
  const listed = (await findOnGitHub(client, list)) ?? [];
  const files = new Map<string, string>();
  for (const { name } of listed.filter((file) => /^whetstone.*\.ya?ml$/.test(file.name))) {
    const answer = z.object({ content: z.string() });
    const call = { route, parameters: { ...where, path: `${WORKFLOWS}/${name}` }, answer };
    files.set(name, Buffer.from((await callGitHub(client, call)).content, "base64").toString("utf8"));
  }
  return files;
}

async function workflowStates({ client, ...where }: RestRepository): Promise<ReadonlyMap<string, string>> {
  const answer = z.object({ path: z.string(), state: z.string() });
  const call = { route: `GET ${REPOSITORY}/actions/workflows`, parameters: where, answer };
  const found = await listOnGitHub(client, call, "workflows");
  return new Map(found.map(({ path, state }) => [path.split("/").at(-1) ?? path, state]));
}

async function variables({ client, ...where }: RestRepository): Promise<ReadonlyMap<string, string>> {
  const answer = z.object({ name: z.string(), value: z.string() });
  const call = { route: `GET ${REPOSITORY}/actions/variables`, parameters: where, answer };
  const found = await listOnGitHub(client, call, "variables");
  return new Map(found.map(({ name, value }) => [name, value]));
}

async function environments(repository: RestRepository): Promise<readonly EnvironmentSetup[]> {
  const { client, ...where } = repository;
  const answer = z.object({ name: z.string(), deployment_branch_policy: z.looseObject({}).nullish() });
  const call = { route: `GET ${REPOSITORY}/environments`, parameters: where, answer };
  const found: EnvironmentSetup[] = [];
  for (const { name, deployment_branch_policy: policy } of await listOnGitHub(client, call, "environments")) {
    const route = `${REPOSITORY}/environments/{environment_name}/secrets`;
    const secrets = await fact(() => secretNames(repository, route, { environment_name: name }));
    found.push({ name, restricted: (policy ?? undefined) !== undefined, secrets });
  }
  return found;
}

/** Rulesets of the repository and above it, and the older branch protection. */
async function branchRules({ client, ...where }: RestRepository, branch: string): Promise<readonly string[]> {
  const parameters = { ...where, branch };
  const rules = `GET ${REPOSITORY}/rules/branches/{branch}`;
  const found = await listOnGitHub(client, { route: rules, parameters, answer: z.object({ type: z.string() }) });
  const answer = z.object({ protected: z.boolean().default(false) });
  const standing = await findOnGitHub(client, { route: `GET ${REPOSITORY}/branches/{branch}`, parameters, answer });
  return [...new Set([...found.map(({ type }) => type), ...(standing?.protected === true ? ["protected"] : [])])];
}

/** Names of the secrets below a path; never their values, which GitHub gives nobody. */
async function secretNames(
  { client, ...where }: RestRepository,
  path: string,
  more: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const call = { route: `GET ${path}`, parameters: { ...where, ...more }, answer: Named };
  return (await listOnGitHub(client, call, "secrets")).map(({ name }) => name);
}
