import { z } from "zod";
import { apiStatus, callGitHub } from "../rest-api.ts";
import { listOnGitHub } from "../rest-list.ts";
import type { RestRepository } from "../rest-objects.ts";
import type { Runs, RunUnderWay, WorkflowFile } from "../runs-port.ts";

const ACTIONS = "/repos/{owner}/{repo}/actions";
/** What GitHub calls a run that has not ended. */
const UNDER_WAY = ["queued", "in_progress", "waiting", "pending", "requested"] as const;

const Run = z.object({
  id: z.number(),
  path: z.string(),
  display_title: z.string().nullish(),
  status: z.string().nullable(),
  html_url: z.string(),
});

/** Workflow runs over REST. */
export function restRuns({ client, owner, repo }: RestRepository): Runs {
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
    underWay: async () => {
      // A run may pass from one list into the next while they are read: it counts once.
      const found = new Map<number, RunUnderWay>();
      for (const status of UNDER_WAY) {
        const call = { route: `GET ${ACTIONS}/runs`, parameters: { ...where, status }, answer: Run };
        for (const run of await listOnGitHub(client, call, "workflow_runs")) {
          if (run.status !== "completed") found.set(run.id, shapeOf(run));
        }
      }
      return [...found.values()];
    },
    cancel: (id) => end(id, "cancel"),
    forceCancel: (id) => end(id, "force-cancel"),
  };
}

function shapeOf({ id, path, display_title, status, html_url }: z.output<typeof Run>): RunUnderWay {
  // GitHub names a file with the branch that it was taken from, where it was called from elsewhere.
  return { id, path: path.replace(/@.*$/, ""), title: display_title ?? "", status: status ?? "", url: html_url };
}

const Workflow = z.object({ path: z.string(), name: z.string(), state: z.string() });

/** All workflows of the repository, switched off ones included. @throws WhetstoneError `api_failed` */
export async function listWorkflows({ client, owner, repo }: RestRepository): Promise<readonly WorkflowFile[]> {
  const call = { route: `GET ${ACTIONS}/workflows`, parameters: { owner, repo }, answer: Workflow };
  const all = await listOnGitHub(client, call, "workflows");
  return all.map((one) => ({ ...one, file: one.path.replace(/^.*\//, "") }));
}
