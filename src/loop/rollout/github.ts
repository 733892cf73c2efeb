/**
 * Hooks of a rollout that GitHub runs.
 *
 * Each hook is one deployment, named by what it is: rollout, revision of the record, and act. The record's revision grows
 * with every change and not by an interruption, so whoever comes again to a hook after an interruption finds its
 * deployment and goes on with it, and another attempt makes another one. What comes next is read from the states that
 * the deployment has:
 *
 * - none: with a workflow, *pending* is written first and the workflow dispatched then. Without one, whatever deploys on
 *   GitHub's own event sets the states, and they are waited for.
 * - *pending*: the dispatch may have been sent or not. A run that bears the deployment's name tells; without one it is sent.
 * - *queued*, *in_progress*: the run is under way; how it ends becomes the deployment's last state.
 * - *success*: done. *failure*, *error*: failed.
 *
 * A hook whose time is over cancels its run and ends its deployment with *error*; a run that begins all the same finds
 * that its deployment is over and does nothing (workflows/whetstone-deploy.yml).
 */
import type { GitHubDeploymentSettings } from "../../config/deployment.ts";
import type { Host } from "../../github/host-port.ts";
import type { Runs, WorkflowRun } from "../../github/runs-port.ts";
import { apiStatus } from "../../github/rest-api.ts";
import { codeOf, WhetstoneError } from "../../model/error.ts";
import type { CommitSha } from "../../model/json.ts";
import type { HookCall } from "./port.ts";

/** A run as far as a hook follows it. */
type FollowedRun = Pick<WorkflowRun, "id" | "title" | "status" | "conclusion" | "url">;

/** What of GitHub deployments need. */
export type DeploymentHost = {
  readonly deployments: Pick<Host["deployments"], "create" | "setState" | "states">;
  /** `takeBack` dispatches as well, and is for what undoes: it works while Whetstone is stopped. */
  readonly workflows: Readonly<Record<"dispatch" | "takeBack", Host["workflows"]["dispatch"]>>;
  readonly runs: Pick<Runs, "cancel"> & {
    readonly find: (...of: Parameters<Runs["find"]>) => Promise<FollowedRun | undefined>;
    readonly dispatched: (...of: Parameters<Runs["dispatched"]>) => Promise<readonly FollowedRun[]>;
  };
};

/** What is done by a hook. */
export type GitHubAct = {
  readonly action: "stage" | "check" | "expose" | "promote" | "rollback";
  readonly percent?: number;
};

/** How GitHub is reached. `untilNextLook` resolves when the deployment is to be looked at again. */
export type GitHubPlace = {
  readonly host: DeploymentHost;
  readonly untilNextLook: (signal: AbortSignal) => Promise<void>;
};

/** Runs one hook on GitHub; resolves with a line for people once its deployment has succeeded. */
export type GitHubHooks = (act: GitHubAct, call: HookCall) => Promise<string>;

/** Clocks of this machine and of GitHub may differ by this much, ms. */
const SKEW_MS = 600_000;

/**
 * Hooks that GitHub runs. They reject with `prepare_failed` when the deployment failed (`data.ended` is true), was ended,
 * or could not be made.
 */
export function githubHooks(settings: GitHubDeploymentSettings, place: GitHubPlace): GitHubHooks {
  return async (act, call) => {
    const hook = await openHook(settings, { place, act, call });
    try {
      return await follow(hook);
    } catch (error) {
      if (call.signal.aborted) await end(hook);
      throw error;
    }
  };
}

type Hook = {
  readonly settings: GitHubDeploymentSettings;
  readonly place: GitHubPlace;
  readonly act: GitHubAct;
  readonly call: HookCall;
  readonly id: number;
  readonly task: string;
};

/** The name of a hook: the same after an interruption, another one for another attempt. */
export function taskOf({ action, percent }: GitHubAct, { rollout }: Pick<HookCall, "rollout">): string {
  const act = percent === undefined ? action : `${action}-${percent}`;
  return `whetstone:${rollout.id}:${rollout.revision}:${act}`;
}

type Opening = Pick<Hook, "place" | "act" | "call">;

async function openHook(settings: GitHubDeploymentSettings, { place, act, call }: Opening): Promise<Hook> {
  const { candidate, target } = call.rollout;
  const isStaging = act.action === "stage" || act.action === "check";
  const task = taskOf(act, call);
  const { id } = await place.host.deployments.create({
    sha: candidate as CommitSha,
    environment: environmentOf(settings, isStaging),
    task,
    description: `Whetstone: ${act.action} ${target}${act.percent === undefined ? "" : ` at ${act.percent} %`}`,
    production: !isStaging,
  });
  return { settings, place, act, call, id, task };
}

function environmentOf({ environment, stagingEnvironment }: GitHubDeploymentSettings, isStaging: boolean): string {
  return isStaging ? (stagingEnvironment ?? environment) : environment;
}

const ENDED: ReadonlySet<string> = new Set(["success", "failure", "error"]);

async function follow(hook: Hook): Promise<string> {
  const { place, call } = hook;
  const states = await place.host.deployments.states(hook.id);
  const over = states.find(({ state }) => ENDED.has(state));
  if (over !== undefined) return conclude(hook, over);
  const run = hook.settings.workflow === undefined ? undefined : await runUnderWay(hook, states);
  for (;;) {
    await place.untilNextLook(call.signal);
    if (call.signal.aborted) throw failure(hook, "its time was over");
    const seen = await look(hook, run);
    if (seen !== undefined) return conclude(hook, seen);
  }
}

type State = { readonly state: string; readonly description: string };

/** Id of the run of a hook, dispatched unless it was before. Undefined: it was, and it is not known yet which run it is. */
async function runUnderWay(hook: Hook, states: readonly State[]): Promise<number | undefined> {
  const sent = states.find(({ state }) => state === "queued" || state === "in_progress");
  const id = /^Run (\d+)/.exec(sent?.description ?? "")?.[1];
  if (id !== undefined) return Number(id);
  const found = states.length === 0 ? undefined : await runOf(hook);
  return found?.id ?? (sent === undefined ? await start(hook) : undefined);
}

/** Dispatches the workflow. */
async function start(hook: Hook): Promise<number | undefined> {
  const { settings, place, call, act, id, task } = hook;
  const { candidate, target, id: rollout } = call.rollout;
  await say(hook, { state: "pending", description: "The workflow is being dispatched." });
  const percent = act.percent === undefined ? "" : String(act.percent);
  const inputs = { task, deployment: String(id), action: act.action, percent, candidate, target, rollout };
  const { dispatch, takeBack } = place.host.workflows;
  const send = act.action === "rollback" || act.percent === 0 ? takeBack : dispatch;
  const { runId } = await send(settings.workflow ?? "", { ref: settings.ref, inputs }).catch((error: unknown) =>
    runInSpiteOf(hook, error),
  );
  // Without this state the run is found again by its name.
  const description = runId === undefined ? "Dispatched." : `Run ${runId}`;
  await say(hook, { state: "queued", description }).catch(passTransient);
  return runId;
}

/** The answer to a dispatch may have been lost, and the run be there all the same. */
async function runInSpiteOf(hook: Hook, error: unknown): Promise<{ readonly runId: number }> {
  const late = isTransient(error) ? await runOf(hook) : undefined;
  if (late !== undefined) return { runId: late.id };
  await say(hook, { state: "error", description: "The workflow could not be dispatched." });
  throw error;
}

async function runOf({ settings, place, call, task }: Hook): Promise<FollowedRun | undefined> {
  const since = new Date(Date.parse(call.rollout.since) - SKEW_MS).toISOString().replace(/\.\d+Z$/, "Z");
  const runs = await place.host.runs.dispatched(settings.workflow ?? "", since);
  return runs.find(({ title }) => title === task);
}

/** The last state, once there is one. GitHub may fail for a while: then it is looked at again, until the time is over. */
async function look(hook: Hook, known: number | undefined): Promise<State | undefined> {
  const { place, settings, id } = hook;
  try {
    if (settings.workflow === undefined) {
      return (await place.host.deployments.states(id)).find(({ state }) => ENDED.has(state));
    }
    const run = known === undefined ? await runOf(hook) : await place.host.runs.find(known);
    if (run?.status !== "completed") return undefined;
    const state = run.conclusion === "success" ? "success" : "failure";
    const description = state === "success" ? `Run ${run.id}` : `Run ${run.id}: ${run.conclusion ?? "no conclusion"}`;
    await say(hook, { state, description, ...(run.url !== "" && { logUrl: run.url }) });
    return { state, description };
  } catch (error) {
    return passTransient(error);
  }
}

function passTransient(error: unknown): undefined {
  if (!isTransient(error)) throw error;
}

function isTransient(error: unknown): boolean {
  const status = apiStatus(error);
  return codeOf(error) === "api_failed" && (status === undefined || status >= 500);
}

function conclude(hook: Hook, { state, description }: State): string {
  if (state === "success") return [`deployment ${hook.id}`, description].filter((part) => part !== "").join(": ");
  throw failure(hook, description === "" ? state : description, true);
}

function failure({ id, act }: Hook, why: string, ended = false): WhetstoneError {
  return new WhetstoneError("prepare_failed", `The deployment ${id} (${act.action}) on GitHub failed: ${why}`, {
    remedy: "Look at the deployment and its run on GitHub.",
    data: { deployment: id, ended },
  });
}

type Said = Parameters<DeploymentHost["deployments"]["setState"]>[1];

async function say(hook: Hook, said: Said): Promise<void> {
  await hook.place.host.deployments.setState(hook.id, said);
}

/** Ends what a hook whose time is over has begun. */
async function end(hook: Hook): Promise<void> {
  const { place, settings } = hook;
  await say(hook, { state: "error", description: "Its time was over." });
  const run = settings.workflow === undefined ? undefined : await runOf(hook);
  if (run !== undefined && run.status !== "completed") await place.host.runs.cancel(run.id);
}

/** Whether a hook's rejection says that the deployment itself ended badly, and not that GitHub could not be reached. */
export function hasEndedBadly(error: unknown): boolean {
  return (
    codeOf(error) === "prepare_failed" && Reflect.get(Object(Reflect.get(Object(error), "data")), "ended") === true
  );
}
