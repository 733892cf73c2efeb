import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Env } from "../config/env.ts";
import { concludeFlow, concludeRun, openFlow, type Flow, type LoopReport, type LoopStages } from "../flow.ts";
import type { StageResult } from "../model/dossier.ts";
import { codeOf, messageOf, WhetstoneError } from "../model/error.ts";
import type { CommitSha } from "../model/json.ts";
import type { Actor } from "../model/ledger.ts";
import type { Stage } from "../model/stage.ts";
import { formatInstant } from "../model/time.ts";
import { openDossier, writeDossier, type OpenDossier } from "../protect/dossier.ts";
import type { SessionRunner } from "../session/port.ts";
import { replayRunner } from "../session/replay.ts";
import { openSpanStore, openWorkspace, type Places } from "../wire.ts";
import type { Watcher } from "./execute.ts";
import { interruptible } from "./interrupt.ts";
import type { MadeIn } from "./publish.ts";
import { JOBS, needed, type RelayJob } from "./relay-jobs.ts";
import { filesOf, packCarried, RELAY_FILE, seenIn, unpackCarried } from "./relay-state.ts";
import { recompute } from "./replay.ts";
import { openRun, type LoopRun } from "./run.ts";
import { loopStages, type Carried } from "./stages.ts";
import { tellIssue } from "./tell-issue.ts";

/** One job of a relay. */
export type RelayRequest = {
  readonly job: RelayJob;
  readonly places: Places;
  readonly env: Env;
  readonly actor: Actor;
  /** Asked of the first job only; later ones take that of the dossier. */
  readonly target: string | undefined;
  /**
   * Folder of the dossier that the last job left, and the digest that it gave; absent for the first job. For the job
   * that records: a folder with the dossiers of all jobs and attempts, of which it is one.
   */
  readonly earlier?: { readonly path: string; readonly digest: string };
  /** Jobs that ended without a word, for the one that records. */
  readonly lost?: { readonly job: string; readonly result: string };
  /** Write no branch and record nothing. */
  readonly dryRun: boolean;
  /** Page of the workflow run. */
  readonly url?: string;
  /** Names of the accounts that started the workflow run. */
  readonly startedBy?: readonly string[];
  /** The workflow run and the session's artifact that the job speaks of; absent outside a workflow. */
  readonly madeIn?: MadeIn | undefined;
  /** Absolute path of the recorded session that answers in the job `session`. */
  readonly recording: string | undefined;
};

/** What a job leaves: the dossier so far with its digest, and what its last stage concluded. */
export type RelayEnd = {
  readonly path: string;
  readonly digest: string;
  /** Id of the run that the job is part of. */
  readonly run: string;
  /** What all stages so far concluded, and the last of them. */
  readonly stages: readonly StageResult[];
  readonly last: StageResult;
  /** Whether the next stage may run. */
  readonly go: boolean;
  /** Of the job that records. */
  readonly report?: LoopReport;
  /** The session's answer was a recording; everything else was measured. */
  readonly recordedAnswer: boolean;
};

/**
 * Runs one job of the relay and releases all of it.
 * @throws WhetstoneError of the stages; `dossier_mismatch` for a dossier that is not the one that was announced, or that
 * has not come as far as this job needs
 */
export async function runRelayJob(request: RelayRequest, watcher: Watcher): Promise<RelayEnd> {
  const earlier = await openEarlier(request);
  const target = earlier?.manifest.target ?? request.target;
  const workspace = await openWorkspace({ ...request.places, actor: request.actor }, request.env, target);
  await using store = await openSpanStore(request.places, request.env, workspace.config);
  return await interruptible(async (signal) => {
    const parts = { workspace, store, actor: request.actor, progress: watcher.progress, signal };
    const known = earlier && { id: earlier.manifest.run, files: filesOf(earlier) };
    await using run = await openRun({ ...parts, ...(known ? { earlier: known } : {}) });
    return await runJob(run, { request, watcher, earlier });
  });
}

type Job = {
  readonly request: RelayRequest;
  readonly watcher: Watcher;
  readonly earlier: OpenDossier | undefined;
};

async function runJob(run: LoopRun, { request, watcher, earlier }: Job): Promise<RelayEnd> {
  const { clock } = run.workspace;
  const carried: Carried = earlier ? unpackCarried(earlier) : {};
  const stages = loopStages(run, { runner: answering(request), record: !request.dryRun, mode: "refinement", carried });
  const { observer } = watcher;
  const flow = openFlow(stages, { observer, clock, ...(earlier ? { earlier: earlier.manifest.stages } : {}) });
  if (request.job === "record")
    return await finish(run, { stages, flow, request, note: watcher.note, earlier: needed(earlier) });
  const seen = earlier ? seenIn(earlier) : {};
  await JOBS[request.job]({
    run,
    stages,
    flow,
    seen,
    carried,
    madeIn: request.madeIn,
    startedBy: request.startedBy ?? [],
  });
  run.files.set(RELAY_FILE, packCarried(carried));
  return await handOn(run, flow, needed(carried.baseSha));
}

/** Only the job `session` asks anybody. */
function answering({ job, recording }: RelayRequest): SessionRunner {
  if (job === "session" && recording !== undefined) return replayRunner(recording);
  return {
    kind: "memory",
    run: () =>
      Promise.reject(
        new WhetstoneError("usage", `Nobody is named who would answer in the job ${job}.`, {
          remedy: "Name a recorded session: `session: replay:FILE`.",
        }),
      ),
  };
}

/** The dossier so far, with what its last stage concluded. */
async function handOn(run: LoopRun, { results }: Flow, baseSha: CommitSha): Promise<RelayEnd> {
  const { workspace, dossierId, id } = run;
  const last = needed(results.at(-1));
  const { status, reasons } = concludeRun(results);
  const manifest = await writeDossier(
    join(workspace.folder, "relay"),
    {
      id: dossierId,
      run: id,
      target: workspace.targetName,
      createdAt: formatInstant(workspace.clock.now()),
      baseSha,
      recorded: [],
      verdict: status,
      reasons: [...reasons],
      stages: [...results],
    },
    run.files,
  );
  return {
    path: join(workspace.folder, "relay", dossierId),
    digest: manifest.digest,
    run: id,
    stages: results,
    last,
    go: last.verdict === "pass",
    recordedAnswer: false,
  };
}

type Finish = {
  readonly stages: LoopStages;
  readonly flow: Flow;
  readonly request: RelayRequest;
  readonly note: Watcher["note"];
  readonly earlier: OpenDossier;
};

/** Whatever was decided is recorded; a job that was lost on the way leaves the run without a decision. */
async function finish(run: LoopRun, { stages, flow, request, note, earlier }: Finish): Promise<RelayEnd> {
  const { lost, dryRun, url = "" } = request;
  if (lost) await flow.timed(lost.job, () => Promise.resolve(lostJob(lost)));
  const recordedAnswer = unpackCarried(earlier).replayed === true;
  run.files.delete(RELAY_FILE);
  const report = await concludeFlow(stages, flow, seenIn(earlier));
  const { hosted, targetName: target } = run.workspace;
  if (hosted && !dryRun) {
    // The outcome is on record by now: an issue that cannot be written, as where issues are off, does not undo it.
    await tellIssue(hosted.host.notes, { target, url, report }).catch((error: unknown) => {
      if (codeOf(error) !== "api_failed") throw error;
      note(`The target's issue could not be kept: ${messageOf(error)}`);
    });
  }
  const { manifest } = await openDossier(report.dossier);
  const last = needed(report.stages.at(-1));
  const { stages: all, dossier: path } = report;
  return { path, digest: manifest.digest, run: run.id, stages: all, last, go: false, report, recordedAnswer };
}

function lostJob({ job, result }: NonNullable<RelayRequest["lost"]>): Stage<undefined> {
  const summary = `the job ${job} ended as ${result} and left no verdict`;
  return { verdict: "inconclusive", reasons: ["run_failed"], summary, value: undefined };
}

/** The dossier of the last job, if it is the one that was announced and came as far as this job needs. */
async function openEarlier({ job, earlier }: RelayRequest): Promise<OpenDossier | undefined> {
  if (job === "gate") return undefined;
  if (earlier === undefined) {
    throw new WhetstoneError("usage", `The job ${job} was given no dossier to go on with.`, {
      remedy: "Give it the folder and the digest that the job before it left.",
    });
  }
  if (job === "record") return await findDossier(earlier);
  const dossier = await openDossier(earlier.path);
  const { digest, stages } = dossier.manifest;
  if (digest !== earlier.digest) {
    throw refused(
      `is not the dossier that was announced: its digest is ${digest}, not ${earlier.digest}`,
      earlier.path,
    );
  }
  const last = stages.at(-1);
  const before = BEFORE[job];
  if (last?.stage !== before || last.verdict !== "pass") {
    const stands = last === undefined ? "before its first stage" : `at ${last.stage} (${last.verdict})`;
    throw refused(`stands ${stands}; ${job} goes on from a passed ${before}`, earlier.path);
  }
  // What writes believes no verdict of another machine: it follows from what was recorded, or nothing is written.
  const wrong = job === "propose" ? recompute(dossier).find(({ equal }) => !equal) : undefined;
  if (wrong) throw refused(`holds ${wrong.file}, which does not follow from what is recorded there`, earlier.path);
  return dossier;
}

/** The dossier with this digest among those in a folder, or the folder itself. */
async function findDossier({ path, digest }: NonNullable<RelayRequest["earlier"]>): Promise<OpenDossier> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    throw refused(`cannot be read: ${messageOf(error)}`, path);
  });
  const folders = [path, ...entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name))];
  for (const folder of folders) {
    // What is no dossier, or a damaged one, cannot be the one that was announced.
    const dossier = await openDossier(folder).catch(() => undefined);
    if (dossier?.manifest.digest === digest) return dossier;
  }
  throw refused(`holds no whole dossier with the digest ${digest} that was announced`, path);
}

/** The stage that must have passed before a job. */
const BEFORE: Readonly<Record<Exclude<RelayJob, "gate" | "record">, string>> = {
  evidence: "gate",
  session: "analyze",
  detect: "session",
  validate: "detect",
  propose: "validate",
};

function refused(why: string, path: string): WhetstoneError {
  return new WhetstoneError("dossier_mismatch", `${path} ${why}.`, {
    remedy: "Run the whole workflow again; do not mix parts of different runs or attempts.",
  });
}
