import { z } from "zod";
import type { GateAnswer, Gates } from "../gate-port.ts";
import { callGitHub, findOnGitHub } from "../rest-api.ts";
import { listOnGitHub } from "../rest-list.ts";
import type { RestRepository } from "../rest-objects.ts";

const REPOSITORY = "/repos/{owner}/{repo}";
const RUN = `${REPOSITORY}/actions/runs/{run_id}`;

const Login = z.object({ login: z.string() }).nullish();
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

function answerOf({ environments, state, user, comment }: z.output<typeof Answer>): GateAnswer {
  return { environments: environments.flatMap(({ name }) => name ?? []), state, user: user?.login, comment };
}
