import { z } from "zod";
import { apiStatus, callGitHub, findOnGitHub } from "../rest-api.ts";
import { listOnGitHub } from "../rest-list.ts";
import type { RestRepository } from "../rest-objects.ts";
import type { WorkflowRun, WorkflowRuns } from "../run-port.ts";

const ACTIONS = "/repos/{owner}/{repo}/actions";

const Run = z.object({
  id: z.number(),
  display_title: z.string().nullish(),
  status: z.string().nullish(),
  conclusion: z.string().nullish(),
  html_url: z.string().nullish(),
});

/** Runs of workflows over REST. */
export function restWorkflowRuns({ client, owner, repo }: RestRepository): WorkflowRuns {
  const where = { owner, repo };
  return {
    find: async (id) => {
      const call = { route: `GET ${ACTIONS}/runs/{run_id}`, parameters: { ...where, run_id: id }, answer: Run };
      const found = await findOnGitHub(client, call);
      return found && shapeOf(found);
    },
    titled: async (file, title, since) => {
      const filter = { event: "workflow_dispatch", created: `>=${since}` };
      const parameters = { ...where, workflow_id: file, ...filter };
      const call = { route: `GET ${ACTIONS}/workflows/{workflow_id}/runs`, parameters, answer: Run };
      return (await listOnGitHub(client, call, "workflow_runs")).map(shapeOf).filter((run) => run.title === title);
    },
    cancel: async (id) => {
      const parameters = { ...where, run_id: id };
      try {
        await callGitHub(client, { route: `POST ${ACTIONS}/runs/{run_id}/cancel`, parameters, answer: z.unknown() });
        return true;
      } catch (error) {
        if (apiStatus(error) === 409) return false;
        throw error;
      }
    },
  };
}

function shapeOf({ id, display_title, status, conclusion, html_url }: z.output<typeof Run>): WorkflowRun {
  return {
    id,
    title: display_title ?? "",
    status: status ?? "unknown",
    conclusion: conclusion ?? undefined,
    url: html_url ?? "",
  };
}
