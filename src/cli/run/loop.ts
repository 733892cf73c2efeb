import { relative, resolve } from "node:path";
import { runLoop, type LoopReport } from "../../flow.ts";
import { sweep } from "../../loop/sweep.ts";
import { openRun, type RunOptions } from "../../loop/run.ts";
import { loopStages } from "../../loop/stages.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { SessionRunner } from "../../session/port.ts";
import { readSession, replayRunner } from "../../session/replay.ts";
import { openSpanStore, openWorkspace } from "../../wire.ts";
import { localActor } from "../actor.ts";
import type { LoopOptions } from "../commands/loop.ts";
import { interruptible } from "../interrupt.ts";
import { printJson, type Io } from "../io.ts";
import { stageProgress } from "../progress.ts";
import { printLoopReport } from "../report.ts";

/** `whetstone loop`. */
export async function runLoopCommand(options: LoopOptions, io: Io): Promise<number> {
  const runner = await chooseRunner(options, io);
  const places = { ...options, cwd: io.cwd };
  const workspace = await openWorkspace(places, io.env, options.target);
  for (const line of await sweep(workspace)) io.err(`${line}\n`);
  await using store = await openSpanStore(places, io.env, workspace.config);
  const progress = stageProgress(io);
  const report = await interruptible(async (signal) => {
    const parts = { workspace, store, actor: localActor(), progress: progress.step, signal };
    try {
      return await execute(parts, { runner, options, progress });
    } finally {
      progress.stop();
    }
  });
  if (options.json) printJson(io, toJson(report));
  else printLoopReport(io, report, { root: workspace.root, recordedAnswer: runner.kind === "replay" });
  return exitCodeOf(report);
}

type Execution = {
  readonly runner: SessionRunner;
  readonly options: LoopOptions;
  readonly progress: ReturnType<typeof stageProgress>;
};

async function execute(parts: RunOptions, { runner, options, progress }: Execution): Promise<LoopReport> {
  await using run = await openRun(parts);
  const dry = options.dryRun === true;
  const stages = loopStages(run, { runner, record: !dry });
  const until = options.mode === "analysis" ? "analyze" : dry ? "validate" : undefined;
  const { clock } = run.workspace;
  return runLoop(stages, { observer: progress, clock, ...(until === undefined ? {} : { until }) });
}

/** @throws WhetstoneError `usage`, `session_invalid`: before anything was started */
async function chooseRunner(options: LoopOptions, io: Io): Promise<SessionRunner> {
  if (options.local !== true) {
    throw new WhetstoneError("usage", "The loop on GitHub is not part of this version.", {
      remedy: "Add --local to run it on this git repository.",
    });
  }
  if (options.mode !== "analysis" && options.mode !== "refinement") {
    throw new WhetstoneError("usage", `"${options.mode}" is no mode.`, {
      remedy: "Use --mode analysis or --mode refinement.",
    });
  }
  const file = /^replay:(.+)$/.exec(options.session ?? "")?.[1];
  if (file !== undefined) {
    const path = resolve(io.cwd, file);
    await readSession(path);
    return replayRunner(path);
  }
  if (options.mode === "analysis") return lookOnly;
  const key = io.env.hasModelKey ? "" : " No ANTHROPIC_API_KEY is set either.";
  throw new WhetstoneError(
    "usage",
    `No recorded session is named, and live sessions are not part of this version.${key}`,
    {
      remedy: "Name a recording with --session replay:FILE, or look only with --mode analysis.",
    },
  );
}

/** Analysis ends before a session starts. */
const lookOnly: SessionRunner = {
  kind: "memory",
  run: () => Promise.reject(new WhetstoneError("defect", "A session was started in analysis mode.")),
};

function exitCodeOf(report: LoopReport): number {
  switch (report.status) {
    case "promoted":
    case "no_change":
    case "merged":
    case "held":
      return EXIT.pass;
    case "rejected":
    case "rolled_back":
    case "closed":
      return EXIT.fail;
    case "inconclusive":
      return EXIT.inconclusive;
  }
}

function toJson(report: LoopReport): unknown {
  const { status, reasons, stages, dossier, outcome, explanation, branch, canary, evidence } = report;
  return {
    verdict: status,
    reasons,
    stages,
    findings: evidence?.findings ?? [],
    effects: outcome.effects,
    canary: canary ?? null,
    branch: status === "promoted" || status === "inconclusive" ? (branch ?? null) : null,
    dossier: relative(process.cwd(), dossier) || dossier,
    costUsd: outcome.costUsd,
    outcome: outcome.id,
    learned: explanation,
  };
}
