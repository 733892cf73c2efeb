import type { Env } from "../config/env.ts";
import { runLoop, type LoopOptions, type LoopReport, type Observer } from "../flow.ts";
import { EXIT } from "../model/codes.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Actor } from "../model/ledger.ts";
import type { SessionMode } from "../model/proposal.ts";
import type { Progress } from "../model/stage.ts";
import type { SessionRunner } from "../session/port.ts";
import { readSession, replayRunner } from "../session/replay.ts";
import { openSpanStore, openWorkspace, type Places, spanStoreUrl, type Workspace } from "../wire.ts";
import type { LiveSession } from "./claude.ts";
import { configuredReviewer } from "./detect.ts";
import { interruptible } from "./interrupt.ts";
import { type LoopRun, openRun, type RunOptions } from "./run.ts";
import { loopStages } from "./stages.ts";
import { sweep } from "./sweep.ts";

/** One run of the loop as an entry (command line, GitHub action) asks for it. */
export type LoopRequest = {
  readonly places: Places;
  readonly env: Env;
  readonly actor: Actor;
  readonly target: string | undefined;
  /** `analysis` looks only, and has a session explain what was found where one is asked for; `refinement` goes on. */
  readonly mode: SessionMode;
  /** Absolute path of the recorded session that answers. */
  readonly recording: string | undefined;
  /** The real Claude Code answers. */
  readonly live?: LiveSession | undefined;
  /** The whole environment, for the model that reviews proposals where one is configured. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
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
  const { places, env, actor, target } = request;
  const recorded = await recordedAnswer(request, watcher);
  const workspace = await openWorkspace({ ...places, actor }, env, target);
  const chosen = recorded ?? (await liveAnswer(request, workspace, watcher));
  for (const line of await sweep(workspace, actor)) watcher.note(line);
  await using store = await openSpanStore(places, env, workspace.config);
  const report = await interruptible((signal) =>
    runStages({ workspace, store, actor, progress: watcher.progress, signal }, { chosen, request, watcher }),
  );
  return { report, root: workspace.root, recordedAnswer: recorded?.answers === true };
}

/** Who answers, once the run is open. */
type Chosen = {
  readonly runner: (run: LoopRun) => SessionRunner;
  /** Whether there is anybody to ask. */
  readonly answers: boolean;
};

type Execution = { readonly chosen: Chosen; readonly request: LoopRequest; readonly watcher: Watcher };

async function runStages(parts: RunOptions, { chosen, request, watcher }: Execution): Promise<LoopReport> {
  await using run = await openRun(parts);
  const { dryRun, mode } = request;
  const { clock, config } = run.workspace;
  const reviewer = configuredReviewer(config.review, request.variables);
  const stages = loopStages(run, { runner: chosen.runner(run), record: !dryRun, mode, reviewer });
  const until = untilOf(request, chosen);
  return await runLoop(stages, { observer: watcher.observer, clock, ...(until === undefined ? {} : { until }) });
}

function untilOf({ mode, dryRun }: LoopRequest, { answers }: Chosen): LoopOptions["until"] {
  if (mode === "analysis") return answers ? "session" : "analyze";
  return dryRun ? "validate" : undefined;
}

/** The recording that answers, or nobody for an analysis without one; undefined when a live session is asked for. */
async function recordedAnswer(
  { recording, mode, live, env }: LoopRequest,
  watcher: Watcher,
): Promise<Chosen | undefined> {
  if (recording !== undefined) {
    const record = await readSession(recording);
    if (mode === "refinement" || record.mode === mode) return { runner: () => replayRunner(recording), answers: true };
    watcher.note("note: the recording is of a refinement; a run in mode analysis only looks.");
    return LOOK_ONLY;
  }
  if (live !== undefined) return undefined;
  if (mode === "analysis") return LOOK_ONLY;
  const claude = env.hasModelKey ? ", or --session claude" : ", or set ANTHROPIC_API_KEY and use --session claude";
  throw new WhetstoneError("usage", "Nobody is named who would propose a change.", {
    remedy: `Name a recording with --session replay:FILE${claude}, or look only with --mode analysis.`,
  });
}

/** @throws WhetstoneError `usage` (no key) · `package_refused` · `api_failed` · `timeout`: before anything was started */
async function liveAnswer(
  { live, places, env }: LoopRequest,
  workspace: Workspace,
  { note }: Watcher,
): Promise<Chosen> {
  if (live === undefined) throw new WhetstoneError("defect", "A live session was not asked for.");
  // The program is large and its parts are many: what replays a recording does without them.
  const { claudeSessions, openClaude } = await import("./claude.ts");
  const storeUrl = spanStoreUrl(places, env, workspace.config);
  const claude = await openClaude(live, { cwd: places.cwd, storeUrl, note });
  return { runner: (run) => claudeSessions(run, claude), answers: true };
}

/** Analysis ends before a session starts. */
const LOOK_ONLY: Chosen = {
  runner: () => ({
    kind: "memory",
    run: () => Promise.reject(new WhetstoneError("defect", "A session was started in analysis mode.")),
  }),
  answers: false,
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
    case "faded":
      return EXIT.fail;
    case "inconclusive":
      return EXIT.inconclusive;
  }
}

/** The proposal branch that the run left for people; a refused one is withdrawn. */
export function standingBranch({ status, branch }: Pick<LoopReport, "status" | "branch">): string | undefined {
  return ["promoted", "proposed", "inconclusive"].includes(status) ? branch : undefined;
}
