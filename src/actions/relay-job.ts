import { relative } from "node:path";
import type { Env } from "../config/env.ts";
import { exitCodeOf, standingBranch } from "../loop/execute.ts";
import type { runRelayJob } from "../loop/relay.ts";
import type { RelayJob } from "../loop/relay-jobs.ts";
import type { RelayEnd } from "../loop/relay-request.ts";
import { EXIT } from "../model/codes.ts";
import { annotateFrom } from "./annotate.ts";
import { endJob, type Ending } from "./ending.ts";
import { type ActionParts, gitHubOf, type JobContext, runUrl, workflowActor } from "./job.ts";
import { logLine, stageLog } from "./log.ts";
import { decisionOf } from "./loop-job.ts";
import { readRelayInputs } from "./relay-inputs.ts";
import { formatSummary, stageSummary, verdictLine } from "./summary.ts";

/** Everything that the action of one job touches. */
export type RelayAction = ActionParts & {
  readonly job: RelayJob;
  readonly env: Env;
  readonly execute: typeof runRelayJob;
  /** The whole environment: only the jobs that ask a model are handed it. */
  readonly variables: Readonly<Record<string, string | undefined>>;
};

/** Outputs of the actions of the jobs, as each `action.yml` lists them; the first and the last job have further ones. */
export const RELAY_OUTPUTS = ["go", "decision", "reason-code", "result", "dossier", "digest", "run"] as const;
/** Further outputs of the gate. */
const GATE_OUTPUTS = ["order"] as const;
/** Further outputs of the job that records. */
const RECORD_OUTPUTS = ["branch", "cost-usd"] as const;

/**
 * Runs one job of the relay. A stage that does not pass ends the run without making its job red: the job that records
 * does that. An error makes the job red at once.
 */
export function runRelayAction(action: RelayAction): Promise<void> {
  return endJob({ ...action, outputNames: outputsOf(action.job) }, () => work(action));
}

/** The outputs of a job's action. */
export function outputsOf(job: RelayJob): readonly string[] {
  if (job === "gate") return [...RELAY_OUTPUTS, ...GATE_OUTPUTS];
  return job === "record" ? [...RELAY_OUTPUTS, ...RECORD_OUTPUTS] : RELAY_OUTPUTS;
}

/** The jobs that ask a model: one runs the session, one has the change reviewed. Neither holds a token that writes. */
const ASK_A_MODEL: readonly RelayJob[] = ["session", "detect"];

async function work(action: RelayAction): Promise<Ending> {
  const { job, core, context, env, given, workspace, execute, variables } = action;
  const actor = workflowActor(context);
  const { folder, config, token, artifact, ...inputs } = readRelayInputs(job, { get: core.getInput, given, workspace });
  for (const secret of [token, inputs.authorization]) if (secret !== undefined) core.setSecret(secret);
  const github = token === undefined ? {} : { github: gitHubOf(context, token) };
  const log = stageLog(core);
  const note = (line: string): void => core.info(logLine(line));
  try {
    const workflow = { id: context.runId, attempt: context.runAttempt };
    const madeIn = artifact && { run: workflow, url: runUrl(context), artifact };
    const request = {
      ...inputs,
      places: { cwd: folder, config, ...github },
      env,
      actor,
      madeIn,
      workflow,
      ...(ASK_A_MODEL.includes(job) ? { variables } : {}),
      startedBy: startersOf(context),
      url: runUrl(context),
    };
    const end = await execute(request, { observer: log, progress: log.step, note });
    if (!end.go && end.report === undefined) await annotateFrom(core, end.path);
    return ending(action, end);
  } finally {
    log.stop();
  }
}

/** Who dispatched the run, and who had it run again. */
function startersOf({ actor, triggeringActor }: JobContext): readonly string[] {
  return [actor, triggeringActor].filter((login) => login !== "");
}

function ending({ job, workspace, context }: RelayAction, end: RelayEnd): Ending {
  const { path, digest, last, go, run, report, order } = end;
  const dossier = relative(workspace, path);
  const outputs = {
    go: String(go),
    decision: last.verdict === "pass" ? "allow" : "deny",
    "reason-code": last.reasons[0] ?? "",
    result: last.verdict,
    dossier,
    digest,
    run,
  } satisfies Readonly<Record<(typeof RELAY_OUTPUTS)[number], string>>;
  if (report === undefined) {
    const message = logLine(`Whetstone: ${last.stage} ${last.verdict} (${last.reasons.join(", ")}): ${last.summary}`);
    const ordered = job === "gate" ? { order: order ?? "" } : {};
    return {
      outputs: { ...outputs, ...ordered },
      summary: stageSummary(end.stages, { dossier, url: runUrl(context) }),
      message,
      failed: false,
    };
  }
  return {
    outputs: {
      ...outputs,
      decision: decisionOf(report.status),
      "reason-code": report.reasons[0],
      result: report.status,
      branch: standingBranch(report) ?? "",
      "cost-usd": report.outcome.costUsd.toFixed(4),
    },
    summary: formatSummary(report, { dossier, url: runUrl(context), recordedAnswer: end.recordedAnswer }),
    message: logLine(`Whetstone: ${verdictLine(report)}`),
    failed: exitCodeOf(report.status) !== EXIT.pass,
  };
}
