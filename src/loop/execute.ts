import type { Env } from "../config/env.ts";
import { runLoop, type LoopReport, type Observer } from "../flow.ts";
import { EXIT } from "../model/codes.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Actor } from "../model/ledger.ts";
import type { SessionMode } from "../model/proposal.ts";
import type { Progress } from "../model/stage.ts";
import type { SessionRunner } from "../session/port.ts";
import { readSession, replayRunner } from "../session/replay.ts";
import { openSpanStore, openWorkspace, type Places } from "../wire.ts";
import { interruptible } from "./interrupt.ts";
import { openRun, type RunOptions } from "./run.ts";
import { loopStages } from "./stages.ts";
import { sweep } from "./sweep.ts";

/** One run of the loop as an entry (command line, GitHub action) asks for it. */
export type LoopRequest = {
  readonly places: Places;
  readonly env: Env;
  readonly actor: Actor;
  readonly target: string | undefined;
  /** `analysis` looks only; `refinement` goes on to a session. */
  readonly mode: SessionMode;
  /** Absolute path of the recorded session that answers. */
  readonly recording: string | undefined;
  /** Write no branch and record nothing. */
  readonly dryRun: boolean;
};

/** Who is told how far the run is. */
export type Watcher = {
  readonly observer: Observer;
  readonly progress: Progress;
  /** One line about something that happened beside the stages. */
  readonly note: (line: string) => void;
};

/** A finished run and what its readers need besides. */
export type LoopEnd = {
  readonly report: LoopReport;
  /** Root of the repository that was worked on. */
  readonly root: string;
  /** The session's answer was a recording; everything else was measured. */
  readonly recordedAnswer: boolean;
};

/**
 * Runs the loop once on the local repository and releases all of it, also on Ctrl-C and SIGTERM: what a killed run left
 * is swept, repository and store are opened, the stages run.
 * @throws WhetstoneError of the parts; `usage` and `session_invalid` before anything was started.
 */
export async function executeLoop(request: LoopRequest, watcher: Watcher): Promise<LoopEnd> {
  const runner = await chooseRunner(request);
  const workspace = await openWorkspace({ ...request.places, actor: request.actor }, request.env, request.target);
  for (const line of await sweep(workspace, request.actor)) watcher.note(line);
  await using store = await openSpanStore(request.places, request.env, workspace.config);
  const { actor } = request;
  const report = await interruptible((signal) =>
    runStages({ workspace, store, actor, progress: watcher.progress, signal }, { runner, request, watcher }),
  );
  return { report, root: workspace.root, recordedAnswer: runner.kind === "replay" };
}

type Execution = { readonly runner: SessionRunner; readonly request: LoopRequest; readonly watcher: Watcher };

async function runStages(parts: RunOptions, { runner, request, watcher }: Execution): Promise<LoopReport> {
  await using run = await openRun(parts);
  const { dryRun, mode } = request;
  const stages = loopStages(run, { runner, record: !dryRun });
  const until = mode === "analysis" ? "analyze" : dryRun ? "validate" : undefined;
  const { clock } = run.workspace;
  return await runLoop(stages, { observer: watcher.observer, clock, ...(until === undefined ? {} : { until }) });
}

async function chooseRunner({ recording, mode, env }: LoopRequest): Promise<SessionRunner> {
  if (recording !== undefined) {
    await readSession(recording);
    return replayRunner(recording);
  }
  if (mode === "analysis") return lookOnly;
  const key = env.hasModelKey ? "" : " No ANTHROPIC_API_KEY is set either.";
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

/** How the end of a loop is told to a shell. */
export function exitCodeOf(status: LoopReport["status"]): (typeof EXIT)[keyof typeof EXIT] {
  switch (status) {
    case "proposed":
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

/** The proposal branch that the run left for people; a refused one is withdrawn. */
export function standingBranch({ status, branch }: Pick<LoopReport, "status" | "branch">): string | undefined {
  return ["promoted", "proposed", "inconclusive"].includes(status) ? branch : undefined;
}
