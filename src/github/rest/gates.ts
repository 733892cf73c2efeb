import { z } from "zod";
import { CommitSha } from "../../model/json.ts";
import type { GateAnswer, Gates, GateRun } from "../gate-port.ts";
import { apiFailure, apiStatus, callGitHub, checkedAnswer, findOnGitHub } from "../rest-api.ts";
import { listOnGitHub } from "../rest-list.ts";
import type { RestRepository } from "../rest-objects.ts";

const REPOSITORY = "/repos/{owner}/{repo}";
const RUN = `${REPOSITORY}/actions/runs/{run_id}`;

const Login = z.object({ login: z.string() }).nullish();
const Run = z.object({
  id: z.number(),
  run_attempt: z.number().optional(),
  head_sha: CommitSha,
  head_branch: z.string().nullish(),
  path: z.string(),
  event: z.string(),
  display_title: z.string(),
  status: z.string().nullish(),
  conclusion: z.string().nullish(),
  created_at: z.string(),
  html_url: z.string(),
  repository: z.object({ id: z.number() }).nullish(),
  head_repository: z.object({ id: z.number() }).nullish(),
  actor: Login,
  triggering_actor: Login,
});

const Answer = z.object({
  environments: z.array(z.object({ name: z.string().optional() })),
  state: z.enum(["approved", "rejected", "pending"]),
  user: Login,
  comment: z.string(),
});

/** Gates over REST. */
export function restGates(repository: RestRepository): Gates {
  const { client, owner, repo } = repository;
  const where = { owner, repo };
  const post = async (runId: number, body: Readonly<Record<string, string>>): Promise<void> => {
    const route = `POST ${RUN}/deployment_protection_rule`;
    await callGitHub(client, { route, parameters: { ...where, run_id: runId, ...body }, answer: z.unknown() });
  };
  return {
    run: (id) => findRun(repository, id),
    dispatched: async (file, since) => {
      const parameters = { ...where, workflow_id: file, event: "workflow_dispatch", created: `>=${since}` };
      const route = `GET ${REPOSITORY}/actions/workflows/{workflow_id}/runs`;
      const runs = await listOnGitHub(client, { route, parameters, answer: Run }, "workflow_runs");
      return runs.map((run) => shapeOf(run, undefined));
    },
    answers: async (runId) => {
      const call = { route: `GET ${RUN}/approvals`, parameters: { ...where, run_id: runId }, answer: z.array(Answer) };
      return (await callGitHub(client, call)).map(answerOf);
    },
    waiting: async (runId) => {
      const answer = z.array(z.object({ environment: z.object({ name: z.string().optional() }) }));
      const call = { route: `GET ${RUN}/pending_deployments`, parameters: { ...where, run_id: runId }, answer };
      return (await callGitHub(client, call)).flatMap(({ environment }) => environment.name ?? []);
    },
    report: (runId, { environment, comment }) => post(runId, { environment_name: environment, comment }),
    letPass: (runId, { environment, comment }) =>
      post(runId, { environment_name: environment, comment, state: "approved" }),
    refuse: (runId, { environment, comment }) =>
      post(runId, { environment_name: environment, comment, state: "rejected" }),
    rules: (environment) => rulesOf(repository, environment),
    pullsOf: async (sha) => {
      const answer = z.object({ number: z.number() });
      const call = {
        route: `GET ${REPOSITORY}/commits/{commit_sha}/pulls`,
        parameters: { ...where, commit_sha: sha },
        answer,
      };
      return (await listOnGitHub(client, call)).map(({ number }) => number);
    },
  };
}

async function findRun({ client, owner, repo }: RestRepository, id: number): Promise<GateRun | undefined> {
  const route = `GET ${RUN}`;
  const response = await client.request(route, { owner, repo, run_id: id }).catch((error: unknown) => {
    const failure = apiFailure(route, error);
    if (apiStatus(failure) === 404) return undefined;
    throw failure;
  });
  if (response === undefined) return undefined;
  const address: unknown = Reflect.get(response, "url");
  return shapeOf(
    checkedAnswer({ route, answer: Run }, response.data),
    typeof address === "string" ? address : undefined,
  );
}

/** Without Enterprise a private repository has no such rules, and GitHub says that nothing is there. */
async function rulesOf({ client, owner, repo }: RestRepository, environment: string): Promise<readonly number[]> {
  const Rule = z.object({ enabled: z.boolean(), app: z.object({ id: z.number() }) });
  const found = await findOnGitHub(client, {
    route: `GET ${REPOSITORY}/environments/{environment_name}/deployment_protection_rules`,
    parameters: { owner, repo, environment_name: environment },
    answer: z.object({ custom_deployment_protection_rules: z.array(Rule).optional() }),
  });
  const rules = found?.custom_deployment_protection_rules ?? [];
  return rules.filter(({ enabled }) => enabled).map(({ app }) => app.id);
}

function shapeOf(run: z.output<typeof Run>, address: string | undefined): GateRun {
  const { repository, head_repository: head } = run;
  return {
    id: run.id,
    attempt: run.run_attempt ?? 1,
    headSha: run.head_sha,
    branch: run.head_branch ?? undefined,
    // GitHub may add the ref: `.github/workflows/a.yml@main`.
    path: run.path.replace(/@.*$/s, ""),
    event: run.event,
    title: run.display_title,
    status: run.status ?? "",
    conclusion: run.conclusion ?? undefined,
    createdAt: run.created_at,
    ownCode: repository?.id !== undefined && head?.id === repository.id,
    actors: [run.actor?.login, run.triggering_actor?.login],
    url: run.html_url,
    address,
  };
}

function answerOf({ environments, state, user, comment }: z.output<typeof Answer>): GateAnswer {
  return { environments: environments.flatMap(({ name }) => name ?? []), state, user: user?.login, comment };
}
