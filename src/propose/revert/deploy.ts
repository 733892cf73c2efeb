import type { CommitSha } from "../../model/json.ts";
import { formatInstant } from "../../model/time.ts";
import { knownGood } from "./known-good.ts";
import { readRollback, recordDeployment } from "./record.ts";
import type { RollBackDeps } from "./roll-back.ts";

/** How a version is deployed: by a workflow of the repository, which the default branch holds. */
export type DeploySettings = { readonly workflow: string; readonly environment: string };

/** What was started. */
export type Deployed = { readonly sha: CommitSha | undefined; readonly said: string };

type Order = DeploySettings & { readonly pull: number; readonly before: CommitSha };

/**
 * Starts the workflow that deploys the last known good version, once: the intent is on record before, and a run that was
 * started by an attempt which died is found by the key in its title.
 * @throws WhetstoneError `api_failed`, `stopped`
 */
export async function deployKnownGood(deps: RollBackDeps, order: Order): Promise<Deployed> {
  const { host, history, state, clock } = deps;
  const { pull, before, workflow, environment } = order;
  const record = await readRollback(await state.view(), pull);
  const known = record?.deployment ?? undefined;
  const good = known ?? (await knownGood({ history, deployments: host.deployments }, { environment, before }));
  const deployment = known ?? {
    key: `rollback-${pull}-${record?.now.slice(0, 12) ?? ""}`,
    sha: good.sha,
    workflow,
    asked: formatInstant(clock.now()),
    run: null,
  };
  await recordDeployment(state, pull, deployment);
  if (deployment.run === null) {
    const run = (await startedBefore(deps, deployment)) ?? (await start(deps, deployment));
    await recordDeployment(state, pull, { ...deployment, run });
  }
  const how = "by" in good && good.by === "parent" ? ", the commit before the change: no deployment is on record" : "";
  return { sha: deployment.sha, said: `The last known good version is being deployed: ${deployment.sha}${how}.` };
}

type Deployment = { readonly key: string; readonly sha: CommitSha; readonly workflow: string; readonly asked: string };

async function startedBefore({ host, self }: RollBackDeps, { key, workflow, asked }: Deployment) {
  const runs = await host.runs.dispatched(workflow, asked, self?.login);
  return runs.find(({ title }) => title.includes(key))?.id;
}

/** Zero where the server does not say which run came of it. */
async function start({ host, forge }: RollBackDeps, { key, sha, workflow }: Deployment): Promise<number> {
  const { branch = "main" } = await forge.head();
  const inputs = { sha, key, reason: "rollback" };
  return (await host.workflows.dispatch(workflow, { ref: branch, inputs })).runId ?? 0;
}
