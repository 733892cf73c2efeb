import type { rollBackOnGitHub } from "../loop/on-github.ts";
import { endJob, type Ending } from "./ending.ts";
import { parseFlag, refuseUnknown, usage } from "./input-check.ts";
import { type ActionParts, gitHubOf, type JobContext, type Toolkit } from "./job.ts";
import { logLine } from "./log.ts";

/** What every step knows. */
const COMMON = ["dry-run", "config", "working-directory"] as const;

/** Inputs of the action, as its `action.yml` lists them. */
export const ROLLBACK_INPUTS = ["pull", "why", "token", ...COMMON] as const;
/** Its outputs. */
export const ROLLBACK_OUTPUTS = ["decision", "reason-code", "result", "pull-request"] as const;

/** Everything that the action touches. */
export type RollbackJob = ActionParts & {
  readonly act: typeof rollBackOnGitHub;
};

/** Takes a merged proposal back in the name of who started the job; red where a person is needed. */
export function runRollbackJob(job: RollbackJob): Promise<void> {
  return endJob({ ...job, outputNames: ROLLBACK_OUTPUTS }, () => work(job));
}

const REASONS = { proposed: "rollback_proposed", blocked: "revert_conflict", nothing: "ok" } as const;

async function work({ core, context, given, workspace, act }: RollbackJob): Promise<Ending> {
  refuseUnknown(given, ROLLBACK_INPUTS);
  refuseTrial(core);
  const [token, pull] = [core.getInput("token"), core.getInput("pull")];
  if (token === "") throw usage("The input `token` is missing.", "Give it a token that may open pull requests.");
  core.setSecret(token);
  if (!/^[1-9]\d{0,9}$/.test(pull)) throw usage(`\`pull: ${pull}\` is no number.`, "Name the merged pull request.");
  const place = { github: gitHubOf(context, token), root: workspace, actor: actorOf(context) };
  const done = await act(place, { pull: Number(pull), why: core.getInput("why") || "no reason was given" });
  return {
    outputs: {
      decision: done.kind === "proposed" ? "allow" : "deny",
      "reason-code": REASONS[done.kind],
      result: done.kind,
      "pull-request": done.kind === "proposed" ? done.pull.url : "",
    },
    summary: `## Whetstone: rollback\n\n${done.said}\n`,
    message: logLine(`Whetstone: rollback of #${pull}: ${done.kind}`),
    failed: done.kind !== "proposed",
  };
}

/** @throws WhetstoneError `usage`: it acts or it does not */
export function refuseTrial({ getInput }: Pick<Toolkit, "getInput">): void {
  if (!parseFlag("dry-run", getInput("dry-run") || "false")) return;
  throw usage("`dry-run: true` is not possible here.", "Leave it out: nothing is merged or deleted by this action.");
}

/** The person whose account started the job; a bot's name ends like one. */
export function actorOf({ triggeringActor, actor }: JobContext) {
  const id = triggeringActor || actor;
  return { type: id.endsWith("[bot]") ? "bot" : "person", id } as const;
}
