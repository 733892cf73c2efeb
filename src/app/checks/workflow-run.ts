import type { WorkflowRun } from "../../github/runs-port.ts";
import type { HandlerContext } from "../handler.ts";
import { appSettings, type RepositoryAccess } from "../repository.ts";
import { showStage, type StageState } from "./stage-check.ts";

const ENDS: Readonly<Record<string, StageState>> = {
  success: "success",
  failure: "failure",
  cancelled: "cancelled",
  timed_out: "timed_out",
  action_required: "action_required",
  skipped: "skipped",
  startup_failure: "failure",
};

/**
 * Shows a run of the loop's workflow as the stage "analysis" of its commit. The run is read from GitHub; one of another
 * workflow, of a fork's code, or that was started or repeated by somebody who may not write is left alone.
 * @throws WhetstoneError `api_failed`, `config_invalid`
 */
export async function showRun({ repository, log }: HandlerContext, id: number): Promise<void> {
  const run = await repository.host.runs.find(id);
  const { workflow } = (await appSettings(repository)).loop;
  if (run === undefined || run.path !== `.github/workflows/${workflow}`) return;
  if (!run.ownCode || !(await isStartedByUs(repository, run))) {
    log(`Run ${id} of ${workflow} is of foreign code, or started by somebody who may not write; it is not shown.`);
    return;
  }
  const state = stateOf(run);
  await showStage(repository, {
    sha: run.headSha,
    stage: "analysis",
    about: `run/${run.id}`,
    state,
    title: `Run of the loop: ${state.replaceAll("_", " ")}`,
    summary: `[The run](${run.url}) says what it found; attempt ${run.attempt}.`,
    url: run.url,
  });
}

function stateOf({ status, conclusion }: WorkflowRun): StageState {
  if (status === "completed") return ENDS[conclusion ?? ""] ?? "neutral";
  return status === "in_progress" ? "in_progress" : "queued";
}

/** Who began it, and who had it run again. */
async function isStartedByUs({ self, host }: RepositoryAccess, { actors }: WorkflowRun): Promise<boolean> {
  for (const login of new Set(actors)) {
    if (login === undefined) return false;
    if (login === self.login) continue;
    if (!["admin", "maintain", "write"].includes(await host.repository.permission(login))) return false;
  }
  return true;
}
