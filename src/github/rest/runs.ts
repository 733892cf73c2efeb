import { z } from "zod";
import { CommitSha } from "../../model/json.ts";
import { apiFailure, apiStatus, callGitHub, checkedAnswer } from "../rest-api.ts";
import { listOnGitHub } from "../rest-list.ts";
import type { RestRepository } from "../rest-objects.ts";
import type { Runs, RunUnderWay, WorkflowFile, WorkflowRun } from "../runs-port.ts";

const ACTIONS = "/repos/{owner}/{repo}/actions";
/** What GitHub calls a run that has not ended. */
const UNDER_WAY = ["queued", "in_progress", "waiting", "pending", "requested"] as const;

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

const UnderWay = z.object({
  id: z.number(),
  path: z.string(),
  display_title: z.string().nullish(),
  status: z.string().nullable(),
  html_url: z.string(),
});

/** Workflow runs over REST. */
export function restRuns(repository: RestRepository): Runs {
  const { client, owner, repo } = repository;
  const where = { owner, repo };
  const end = async (id: number, verb: "cancel" | "force-cancel"): Promise<boolean> => {
    const route = `POST ${ACTIONS}/runs/{run_id}/${verb}`;
    try {
      await callGitHub(client, { route, parameters: { ...where, run_id: id }, answer: z.unknown() });
      return true;
    } catch (error) {
      // 409: it has ended; 404: it was deleted.
      if (apiStatus(error) === 409 || apiStatus(error) === 404) return false;
      throw error;
    }
  };
  return {
    find: (id) => findRun(repository, id),
    dispatched: async (file, since, by) => {
      const parameters = { ...where, workflow_id: file, event: "workflow_dispatch", created: `>=${since}` };
      const call = { route: `GET ${ACTIONS}/workflows/{workflow_id}/runs`, parameters, answer: Run };
      const runs = (await listOnGitHub(client, call, "workflow_runs")).map((run) => shapeOf(run, undefined));
      return by === undefined ? runs : runs.filter(({ actors: [starter = by] }) => starter === by);
    },
    underWay: async () => {
      // A run may pass from one list into the next while they are read: it counts once.
      const found = new Map<number, RunUnderWay>();
      for (const status of UNDER_WAY) {
        const call = { route: `GET ${ACTIONS}/runs`, parameters: { ...where, status }, answer: UnderWay };
        for (const run of await listOnGitHub(client, call, "workflow_runs")) {
          if (run.status !== "completed") found.set(run.id, shapeUnderWay(run));
        }
      }
      return [...found.values()];
    },
    cancel: (id) => end(id, "cancel"),
    forceCancel: (id) => end(id, "force-cancel"),
  };
}

async function findRun({ client, owner, repo }: RestRepository, id: number): Promise<WorkflowRun | undefined> {
  const route = `GET ${ACTIONS}/runs/{run_id}`;
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

/** GitHub names a file with the branch that it was taken from, where it was called from elsewhere. */
const fileOf = (path: string): string => path.replace(/@.*$/s, "");

function shapeUnderWay({ id, path, display_title, status, html_url }: z.output<typeof UnderWay>): RunUnderWay {
  return { id, path: fileOf(path), title: display_title ?? "", status: status ?? "", url: html_url };
}

function shapeOf(run: z.output<typeof Run>, address: string | undefined): WorkflowRun {
  const { repository, head_repository: head } = run;
  return {
    id: run.id,
    attempt: run.run_attempt ?? 1,
    headSha: run.head_sha,
    branch: run.head_branch ?? undefined,
    path: fileOf(run.path),
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

const Workflow = z.object({ path: z.string(), name: z.string(), state: z.string() });

/** All workflows of the repository, switched off ones included. @throws WhetstoneError `api_failed` */
export async function listWorkflows({ client, owner, repo }: RestRepository): Promise<readonly WorkflowFile[]> {
  const call = { route: `GET ${ACTIONS}/workflows`, parameters: { owner, repo }, answer: Workflow };
  const all = await listOnGitHub(client, call, "workflows");
  return all.map((one) => ({ ...one, file: one.path.replace(/^.*\//, "") }));
}
