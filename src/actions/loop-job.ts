import { relative } from "node:path";
import { exitCodeOf, standingBranch, type LoopEnd, type LoopRequest } from "../loop/execute.ts";
import { EXIT } from "../model/codes.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";
import type { LedgerEntry } from "../model/ledger.ts";
import type { Outcome } from "../model/outcome.ts";
import { readInputs } from "./inputs.ts";
import { runUrl, workflowActor, type LoopJob } from "./job.ts";
import { logLine, stageLog } from "./log.ts";
import { formatFailure, formatSummary, verdictLine } from "./summary.ts";

/** Outputs of the action, as `action.yml` lists them. */
export type LoopOutputs = Readonly<
  Record<"decision" | "reason-code" | "result" | "dossier" | "cost-usd" | "branch", string>
>;

/** How the job ends: what later steps and people get, and whether it is red. */
type Ending = {
  readonly outputs: LoopOutputs;
  readonly summary: string;
  readonly message: string;
  readonly failed: boolean;
};

/**
 * Runs the loop in a job. Whatever happens, outputs, summary and one message are written, and the job is red unless a
 * change was promoted or none was called for.
 */
export async function runLoopJob(job: LoopJob): Promise<void> {
  const { core } = job;
  for (const secret of job.secrets) core.setSecret(secret);
  const ending = await work(job).catch((error: unknown) => failedEnding(job, error));
  for (const [name, value] of Object.entries(ending.outputs)) core.setOutput(name, value);
  if (ending.failed) core.setFailed(ending.message);
  else core.notice(ending.message);
  try {
    await core.writeSummary(ending.summary);
  } catch (error) {
    core.setFailed(`The job summary could not be written: ${logLine(messageOf(error))}`);
  }
}

async function work(job: LoopJob): Promise<Ending> {
  const { core, execute } = job;
  const log = stageLog(core);
  const note = (line: string): void => core.info(logLine(line));
  try {
    return finishedEnding(job, await execute(requestOf(job), { observer: log, progress: log.step, note }));
  } finally {
    log.stop();
  }
}

/** @throws WhetstoneError `usage` */
function requestOf({ core, context, env, given, workspace }: LoopJob): LoopRequest {
  const actor = workflowActor(context);
  const { folder, config, ...inputs } = readInputs({ get: core.getInput, given, workspace });
  return { places: { cwd: folder, config }, env, actor, ...inputs };
}

function finishedEnding({ workspace, context }: LoopJob, { report, recordedAnswer }: LoopEnd): Ending {
  const dossier = relative(workspace, report.dossier);
  return {
    outputs: {
      decision: decisionOf(report.status),
      "reason-code": report.reasons[0],
      result: report.status,
      dossier,
      "cost-usd": report.outcome.costUsd.toFixed(4),
      branch: standingBranch(report) ?? "",
    },
    summary: formatSummary(report, { dossier, url: runUrl(context), recordedAnswer }),
    message: logLine(`Whetstone: ${verdictLine(report)}`),
    failed: exitCodeOf(report.status) !== EXIT.pass,
  };
}

function failedEnding({ core, context }: LoopJob, error: unknown): Ending {
  const known = error instanceof WhetstoneError;
  const code = known ? error.code : "defect";
  const remedy = known ? error.remedy : "This is a bug in Whetstone; please report it with the stack in the log.";
  if (!known && error instanceof Error) for (const line of (error.stack ?? "").split("\n")) core.info(logLine(line));
  const text = remedy === undefined ? messageOf(error) : `${messageOf(error)} ${remedy}`;
  return {
    outputs: { decision: "deny", "reason-code": code, result: "error", dossier: "", "cost-usd": "", branch: "" },
    summary: formatFailure({ code, text }, context.serverUrl),
    message: logLine(`Whetstone: error (${code}): ${text}`),
    failed: true,
  };
}

/** The decision in the words of the ledger. */
function decisionOf(status: Outcome["status"]): LedgerEntry["decision"] {
  switch (status) {
    case "proposed":
    case "promoted":
    case "merged":
    case "held":
      return "allow";
    case "no_change":
      return "none";
    case "rejected":
    case "rolled_back":
    case "closed":
    case "inconclusive":
      return "deny";
  }
}
