import type { lookStopped } from "../loop/look-stopped.ts";
import { endJob, type Ending } from "./ending.ts";
import { below, refuseUnknown, usage } from "./input-check.ts";
import { type ActionParts, gitHubOf, runUrl } from "./job.ts";
import { logLine } from "./log.ts";

/** Inputs of the action, as its `action.yml` lists them. */
export const STOPPED_INPUTS = ["token", "dry-run", "config", "working-directory"] as const;
/** Its outputs. */
export const STOPPED_OUTPUTS = ["decision", "reason-code", "result", "stopped"] as const;

/** Everything that the action touches. */
export type StoppedJob = ActionParts & {
  readonly look: typeof lookStopped;
};

/**
 * Reads the kill switch in a process of its own, which ends before anything else of the job begins: what runs a model or a
 * change holds no token, not even one that only reads. It is green either way; the step behind it ends the run.
 */
export function runStoppedJob(job: StoppedJob): Promise<void> {
  return endJob({ ...job, outputNames: STOPPED_OUTPUTS }, () => work(job));
}

async function work({ core, context, given, workspace, look }: StoppedJob): Promise<Ending> {
  refuseUnknown(given, STOPPED_INPUTS);
  const token = core.getInput("token");
  if (token === "") throw usage("The input `token` is missing.", "Give it a token that may read the repository.");
  core.setSecret(token);
  const folder = below(workspace, core.getInput("working-directory") || ".", "working-directory");
  const { stopped, text } = await look(gitHubOf(context, token), folder);
  return {
    outputs: {
      decision: stopped ? "deny" : "allow",
      "reason-code": stopped ? "disabled" : "ok",
      result: stopped ? "stopped" : "running",
      stopped: String(stopped),
    },
    summary: stopped ? `## Whetstone: stopped\n\n${logLine(text)}\n\nRun: ${runUrl(context)}\n` : "",
    message: logLine(`Whetstone: ${text}`),
    failed: false,
  };
}
