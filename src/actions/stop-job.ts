import type { stopOnGitHub } from "../loop/on-github.ts";
import { stoppedText } from "../protect/stop/tell.ts";
import { endJob, type Ending } from "./ending.ts";
import { refuseUnknown, usage } from "./input-check.ts";
import { type ActionParts, gitHubOf } from "./job.ts";
import { logLine } from "./log.ts";
import { actorOf, refuseTrial } from "./rollback-job.ts";

/** Inputs of the action, as its `action.yml` lists them. */
export const STOP_INPUTS = ["why", "token", "dry-run", "config", "working-directory"] as const;
/** Its outputs. */
export const STOP_OUTPUTS = ["decision", "reason-code", "result"] as const;

/** Everything that the action touches. */
export type StopJob = ActionParts & {
  readonly act: typeof stopOnGitHub;
};

/** Stops everything but the run that it is in; red where a part failed, so that somebody runs it again. */
export function runStopJob(job: StopJob): Promise<void> {
  return endJob({ ...job, outputNames: STOP_OUTPUTS }, () => work(job));
}

async function work({ core, context, given, workspace, act }: StopJob): Promise<Ending> {
  refuseUnknown(given, STOP_INPUTS);
  refuseTrial(core);
  const token = core.getInput("token");
  if (token === "")
    throw usage("The input `token` is missing.", "Give it a token that may write actions and contents.");
  core.setSecret(token);
  const place = { github: gitHubOf(context, token), root: workspace, actor: actorOf(context) };
  const ownRun = Number.isInteger(context.runId) ? context.runId : undefined;
  const done = await act(place, { why: core.getInput("why").slice(0, 500) || null, ownRun });
  const complete = done.flagged && done.failures.length === 0;
  return {
    outputs: {
      decision: done.flagged ? "deny" : "allow",
      "reason-code": complete ? "disabled" : "api_error",
      result: complete ? "stopped" : "incomplete",
    },
    summary: `## Whetstone: stop\n\n${stoppedText(done)}\n`,
    message: logLine(`Whetstone: ${complete ? "stopped" : "the stop is incomplete; run it again"}`),
    failed: !complete,
  };
}
