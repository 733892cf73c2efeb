import { relative } from "node:path";
import type { LoopReport } from "../../flow.ts";
import { executeLoop, exitCodeOf, standingBranch, type LoopEnd, type LoopRequest } from "../../loop/execute.ts";
import { WhetstoneError } from "../../model/error.ts";
import { SessionMode } from "../../model/proposal.ts";
import { localActor } from "../actor.ts";
import type { LoopOptions } from "../commands/loop.ts";
import { printJson, type Io } from "../io.ts";
import { stageProgress } from "../progress.ts";
import { printLoopReport } from "../report.ts";
import { sessionSource } from "../session-source.ts";

/** `whetstone loop`. */
export async function runLoopCommand(options: LoopOptions, io: Io): Promise<number> {
  const end = await execute(await parseRequest(options, io), io);
  if (options.json) printJson(io, toJson(end.report));
  else printLoopReport(io, end.report, end);
  return exitCodeOf(end.report.status);
}

async function execute(request: LoopRequest, io: Io): Promise<LoopEnd> {
  const progress = stageProgress(io);
  try {
    const note = (line: string): void => io.err(`${line}\n`);
    return await executeLoop(request, { observer: progress, progress: progress.step, note });
  } finally {
    progress.stop();
  }
}

/** @throws WhetstoneError `usage`: before anything was started */
async function parseRequest(options: LoopOptions, io: Io): Promise<LoopRequest> {
  if (options.local !== true) {
    throw new WhetstoneError("usage", "The command line runs the loop on this git repository only.", {
      remedy: "Add --local; on GitHub the workflow that `whetstone init --workflow` writes runs it.",
    });
  }
  const mode = SessionMode.safeParse(options.mode);
  if (!mode.success) {
    throw new WhetstoneError("usage", `"${options.mode}" is no mode.`, {
      remedy: "Use --mode analysis or --mode refinement.",
    });
  }
  const source =
    options.session === undefined ? undefined : await sessionSource({ ...options, session: options.session }, io);
  return {
    places: { ...options, cwd: io.cwd },
    env: io.env,
    actor: localActor(),
    target: options.target,
    mode: mode.data,
    recording: source && "recording" in source ? source.recording : undefined,
    live: source && "live" in source ? source.live : undefined,
    variables: io.inherited,
    dryRun: options.dryRun === true,
  };
}

function toJson(report: LoopReport): unknown {
  const { status, reasons, stages, dossier, outcome, explanation, canary, evidence } = report;
  return {
    verdict: status,
    reasons,
    stages,
    findings: evidence?.findings ?? [],
    effects: outcome.effects,
    canary: canary ?? null,
    branch: standingBranch(report) ?? null,
    dossier: relative(process.cwd(), dossier) || dossier,
    costUsd: outcome.costUsd,
    outcome: outcome.id,
    learned: explanation,
  };
}
