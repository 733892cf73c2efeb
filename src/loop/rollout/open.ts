import { setTimeout as sleep } from "node:timers/promises";
import { ENDED, startRollout } from "../../canary/rollout.ts";
import type { Rollout, RolloutPlan } from "../../canary/rollout-record.ts";
import type { DeploymentSettings, GitHubDeploymentSettings } from "../../config/deployment.ts";
import type { Env } from "../../config/env.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { Actor, LedgerEntry } from "../../model/ledger.ts";
import { formatInstant } from "../../model/time.ts";
import { digestOf } from "../../protect/digest.ts";
import { newId, openDeploymentHost, openSpanStore, openWorkspace, type Places, type Workspace } from "../../wire.ts";
import type { SpanStore } from "../../store/port.ts";
import { knownDrift } from "../aa.ts";
import { configuredDeployment } from "./deployment.ts";
import { driveRollout, type RolloutDeps } from "./drive.ts";
import { githubHooks, type GitHubHooks } from "./github.ts";
import { judgeRollout, lookAtRollout, type RolloutJudge } from "./judge.ts";
import type { RolloutRecords } from "./port.ts";
import { stateRollouts } from "./records.ts";

/** The rollouts of a target, over the repository's own state. */
export type Rollouts = {
  readonly workspace: Workspace;
  readonly records: RolloutRecords;
  /** The rollout on record, over or not. */
  readonly current: () => Promise<Rollout | undefined>;
};

/** Who asks, and for which target. */
export type RolloutRequest = {
  readonly places: Places;
  readonly env: Env;
  readonly actor: Actor;
  readonly target: string | undefined;
};

/** Opens the rollouts of a target. @throws WhetstoneError of `openWorkspace` */
export async function openRollouts({ places, env, actor, target }: RolloutRequest): Promise<Rollouts> {
  const workspace = await openWorkspace({ ...places, actor }, env, target);
  const records = stateRollouts(workspace.state, {
    clock: workspace.clock,
    entryOf: (rollout) => entryOf(rollout, actor),
  });
  return { workspace, records, current: () => records.load(workspace.targetName) };
}

/**
 * Starts a rollout; nothing is deployed yet.
 * @throws WhetstoneError `usage` without a deployment, `conflict` while another one is not over
 */
export async function beginRollout({ workspace, records }: Rollouts, candidate: string): Promise<Rollout> {
  const { clock, targetName: target } = workspace;
  const plan = planOf(deploymentOf(workspace));
  const rollout = startRollout({ id: newId("r", clock), target, candidate, plan }, formatInstant(clock.now()));
  await records.save(rollout);
  return rollout;
}

/** How a rollout is driven: to its end or by one look, who is told, and what ends it early. */
export type Driving = Pick<RolloutDeps, "told" | "signal"> & { readonly once: boolean; readonly env: Env };

/** Drives a rollout that is on record. @throws WhetstoneError of {@link driveRollout}, `store_open_failed` */
export async function continueRollout(rollout: Rollout, rollouts: Rollouts, driving: Driving): Promise<Rollout> {
  const { workspace, records } = rollouts;
  const settings = deploymentOf(workspace);
  await using store = await openSpanStore({ cwd: workspace.root }, driving.env, workspace.config);
  const judge = await judgeOf(workspace, store);
  const { signal } = driving;
  return await driveRollout(
    rollout,
    {
      records,
      deployment: configuredDeployment(settings, {
        cwd: workspace.root,
        env: workspace.childEnv,
        fetch,
        github: settings.github && hooksOnGitHub(settings.github, workspace, driving.env),
      }),
      judge: (current) => judgeRollout(current, judge),
      clock: workspace.clock,
      mayGoOn: () => workspace.killSwitch.assertRunning(),
      // An interruption ends the waiting; the driver then says so.
      untilNextLook: (current) => {
        const waitMs = waitOf(current, settings, Number(workspace.clock.now() / 1_000_000n));
        return sleep(waitMs, undefined, { signal }).catch(() => undefined);
      },
      told: driving.told,
      signal,
    },
    driving.once,
  );
}

/** So long after a change of the share the looks are close together, ms, for a disaster shows in the first calls. */
const CLOSE_MS = 120_000;
const CLOSE_LOOK_MS = 5_000;

/** Time until the next look, ms. `nowMs`: since the Unix epoch. */
export function waitOf({ phase, since }: Rollout, { lookSeconds }: DeploymentSettings, nowMs: number): number {
  const isFresh = phase === "exposure" && nowMs - Date.parse(since) < CLOSE_MS;
  return isFresh ? Math.min(CLOSE_LOOK_MS, lookSeconds * 1_000) : lookSeconds * 1_000;
}

/** @throws WhetstoneError `usage` without a repository or a token */
function hooksOnGitHub(settings: GitHubDeploymentSettings, workspace: Workspace, { github }: Env): GitHubHooks {
  const [owner, repo] = (settings.repository ?? github?.repository ?? "").split("/");
  if (github?.token === undefined || owner === undefined || repo === undefined) {
    throw new WhetstoneError("usage", "A deployment by GitHub needs a repository and a token.", {
      remedy: "Set deployment.github.repository (or GITHUB_REPOSITORY) and GITHUB_TOKEN.",
    });
  }
  const place = { owner, repo, token: github.token, baseUrl: github.apiUrl, self: "github-actions[bot]" };
  const untilNextLook = (signal: AbortSignal): Promise<void> =>
    sleep(settings.pollSeconds * 1_000, undefined, { signal }).catch(() => undefined);
  return githubHooks(settings, { host: openDeploymentHost(place, workspace), untilNextLook });
}

/** The judge of a target's rollouts; what its arms' own A/A found makes it cautious. */
async function judgeOf(
  { state, targetName: target, target: { canary: settings }, clock }: Workspace,
  spans: SpanStore,
) {
  const drift = await knownDrift(await state.view(), { target, settings });
  const judge: RolloutJudge = { spans, settings, clock, ...(drift !== undefined && { knownDrift: drift }) };
  return judge;
}

/** What the judge says of a rollout's calls now, with its numbers; undefined before the first step and after the end. */
export async function judgeNow(rollout: Rollout, { workspace }: Rollouts, env: Env) {
  if (rollout.exposedSince === null || (ENDED.includes(rollout.phase) && rollout.phase !== "held")) return undefined;
  await using store = await openSpanStore({ cwd: workspace.root }, env, workspace.config);
  const look = await lookAtRollout(rollout, await judgeOf(workspace, store));
  return look.verdict;
}

function deploymentOf({ target, targetName }: Workspace): DeploymentSettings {
  if (target.deployment !== undefined) return target.deployment;
  throw new WhetstoneError("usage", `The target ${targetName} has no deployment in whetstone.yaml.`, {
    remedy: "Add targets.NAME.deployment with promote, and adminUrl or expose.",
  });
}

const MINUTE_MS = 60_000;

/** The plan that the settings ask for, frozen with the rollout. */
export function planOf(settings: DeploymentSettings): RolloutPlan {
  return {
    steps: settings.steps.map(({ percent, minutes }) => ({ percent, minimumMs: minutes * MINUTE_MS })),
    minimumCalls: settings.minimumCalls,
    staging:
      settings.stage === undefined && settings.github?.stagingEnvironment === undefined
        ? null
        : { soakMs: settings.soakMinutes * MINUTE_MS },
    deadlineMs: settings.deadlineMinutes * MINUTE_MS,
    atDeadline: settings.atDeadline,
    hookMs: settings.hookMinutes * MINUTE_MS,
    hookAttempts: settings.hookAttempts,
  };
}

/** What the ledger says of a rollout's new phase. */
function entryOf({ id, target, candidate, phase, step, history }: Rollout, actor: Actor): LedgerEntry {
  return {
    actor,
    operation: "rollout",
    target,
    decision: phase === "rollback" || phase === "failed" ? "deny" : "allow",
    reasonCode: history.at(-1)?.reasons[0] ?? "ok",
    result: phase,
    parametersDigest: digestOf({ candidate, step }),
    run: id,
    rollback: "whetstone canary rollback",
  };
}
