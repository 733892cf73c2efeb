import type { Env } from "../config/env.ts";
import type { monitor, TargetLook } from "../loop/monitor/monitor.ts";
import type { Clock } from "../model/time.ts";
import { endJob, type Ending } from "./ending.ts";
import { type ActionParts, gitHubOf, runUrl, type Toolkit, workflowActor } from "./job.ts";
import { logLine } from "./log.ts";
import { readMonitorInputs } from "./monitor-inputs.ts";
import { monitorSummary } from "./monitor-summary.ts";

/** Everything that the action touches. */
export type MonitorJob = ActionParts & {
  readonly env: Env;
  readonly clock: Clock;
  readonly monitor: typeof monitor;
};

/** Outputs of the action, as its `action.yml` lists them. */
export const MONITOR_OUTPUTS = ["decision", "reason-code", "result", "alerts", "new-alerts", "issue"] as const;

/**
 * Looks at the targets once. The job is green when it looked and told: it is red when it could not, and when there is
 * something to tell and no issue to tell it in.
 */
export function runMonitorJob(job: MonitorJob): Promise<void> {
  return endJob({ ...job, outputNames: MONITOR_OUTPUTS }, () => work(job));
}

async function work(job: MonitorJob): Promise<Ending> {
  const { core, context, env, given, workspace, clock } = job;
  const actor = workflowActor(context);
  const inputs = readMonitorInputs({ get: core.getInput, given, workspace }, clock.now());
  const { folder, config, token, ...request } = inputs;
  if (token !== undefined) core.setSecret(token);
  const github = token === undefined ? {} : { github: gitHubOf(context, token) };
  const url = runUrl(context);
  const looks = await job.monitor({ ...request, places: { cwd: folder, config, ...github }, env, actor, url });
  for (const look of looks) tell(core, look);
  return ending(looks, { url, base: `${context.serverUrl}/${context.repo.owner}/${context.repo.repo}` });
}

/** A group per target in the log, and an annotation of the run for what is new. */
function tell(core: Toolkit, { target, evidence, alerts, issue, notes }: TargetLook): void {
  core.startGroup(logLine(`${target}: ${alerts.length} alerts in ${evidence.traces} traces`));
  for (const { severity, text } of alerts) core.info(logLine(`${severity}: ${text}`));
  for (const note of notes) core.info(logLine(`note: ${note}`));
  core.endGroup();
  for (const { text } of issue?.fresh ?? alerts) core.warning(logLine(`${target}: ${text}`));
}

function ending(looks: readonly TargetLook[], { url, base }: { url: string; base: string }): Ending {
  const alerts = looks.flatMap((look) => look.alerts);
  const fresh = looks.flatMap(({ issue, alerts: all }) => issue?.fresh ?? all);
  const number = looks
    .map(({ issue }) => issue)
    .find((issue) => issue?.number !== undefined && issue.action !== "closed");
  const [worst] = alerts;
  const untold = looks.some((look) => look.alerts.length > 0 && look.issue === undefined);
  const outputs = {
    decision: worst === undefined ? "allow" : "deny",
    "reason-code": worst?.reason ?? "ok",
    result: worst === undefined ? "quiet" : "alert",
    alerts: String(alerts.length),
    "new-alerts": String(fresh.length),
    issue: number?.number === undefined ? "" : `${base}/issues/${number.number}`,
  } satisfies Readonly<Record<(typeof MONITOR_OUTPUTS)[number], string>>;
  const told = untold ? "; no issue tells of it" : "";
  const counted = `${alerts.length} alerts, ${fresh.length} of them new, on ${looks.length} targets`;
  return {
    outputs,
    summary: monitorSummary(looks, { url, issues: `${base}/issues` }),
    message: logLine(`Whetstone: ${outputs.result} (${outputs["reason-code"]}): ${counted}${told}`),
    failed: untold,
  };
}
