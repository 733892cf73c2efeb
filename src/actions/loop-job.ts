import { relative } from "node:path";
import { exitCodeOf, standingBranch, type LoopEnd, type LoopRequest } from "../loop/execute.ts";
import { EXIT } from "../model/codes.ts";
import type { LedgerEntry } from "../model/ledger.ts";
import type { Outcome } from "../model/outcome.ts";
import { annotateFrom } from "./annotate.ts";
import { endJob, type Ending } from "./ending.ts";
import { readInputs } from "./inputs.ts";
import { runUrl, workflowActor, type LoopJob } from "./job.ts";
import { logLine, stageLog } from "./log.ts";
import { formatSummary, verdictLine } from "./summary.ts";

/** Outputs of the action, as `action.yml` lists them. */
export const LOOP_OUTPUTS = ["decision", "reason-code", "result", "dossier", "cost-usd", "branch"] as const;

/** Runs the loop in a job, which is red unless a change was promoted or none was called for. */
export function runLoopJob(job: LoopJob): Promise<void> {
  return endJob({ ...job, outputNames: LOOP_OUTPUTS }, () => work(job));
}

async function work(job: LoopJob): Promise<Ending> {
  const { core, execute } = job;
  const log = stageLog(core);
  const note = (line: string): void => core.info(logLine(line));
  try {
    const end = await execute(requestOf(job), { observer: log, progress: log.step, note });
    if (end.report.status === "rejected") await annotateFrom(core, end.report.dossier);
    return finishedEnding(job, end);
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
  const outputs: Readonly<Record<(typeof LOOP_OUTPUTS)[number], string>> = {
    decision: decisionOf(report.status),
    "reason-code": report.reasons[0],
    result: report.status,
    dossier,
    "cost-usd": report.outcome.costUsd.toFixed(4),
    branch: standingBranch(report) ?? "",
  };
  return {
    outputs,
    summary: formatSummary(report, { dossier, url: runUrl(context), recordedAnswer }),
    message: logLine(`Whetstone: ${verdictLine(report)}`),
    failed: exitCodeOf(report.status) !== EXIT.pass,
  };
}

/** The decision in the words of the ledger. */
export function decisionOf(status: Outcome["status"]): LedgerEntry["decision"] {
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
    case "faded":
    case "inconclusive":
      return "deny";
  }
}
