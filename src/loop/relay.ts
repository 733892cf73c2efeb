import { join } from "node:path";
import { concludeFlow, concludeRun, openFlow, type Flow, type LoopStages } from "../flow.ts";
import { codeOf, messageOf, WhetstoneError } from "../model/error.ts";
import type { StageResult } from "../model/dossier.ts";
import type { CommitSha } from "../model/json.ts";
import type { Stage } from "../model/stage.ts";
import { formatInstant } from "../model/time.ts";
import { sha256 } from "../protect/digest.ts";
import { openDossier, writeDossier, type OpenDossier } from "../protect/dossier.ts";
import type { SessionRunner } from "../session/port.ts";
import { openSpanStore, openWorkspace, type Workspace } from "../wire.ts";
import { configuredReviewer } from "./detect.ts";
import type { Watcher } from "./execute.ts";
import { interruptible } from "./interrupt.ts";
import { openEarlier } from "./relay-earlier.ts";
import type { GateRequest } from "./relay-gate.ts";
import { JOBS, needed, type RelayJob } from "./relay-jobs.ts";
import { assertAnswers, ONLY_LOOKS, openOrder, ORDER_FILE, orderedState, type RelayOrder } from "./relay-order.ts";
import type { RelayEnd, RelayRequest } from "./relay-request.ts";
import { assertWritesNothing } from "./relay-pull.ts";
import { answerPull } from "./relay-pull-answer.ts";
import { orderedRunner } from "./relay-session.ts";
import { settleOrder } from "./relay-settle.ts";
import { filesOf, packCarried, RELAY_FILE, seenIn, unpackCarried } from "./relay-state.ts";
import { openRun, type LoopRun } from "./run.ts";
import { loopStages, type Carried, type StageOptions } from "./stages.ts";
import { tellIssue } from "./tell-issue.ts";

/**
 * Runs one job of the relay and releases all of it.
 * @throws WhetstoneError of the stages; `dossier_mismatch` for a dossier that is not the one that was announced, or that
 * has not come as far as this job needs
 */
export async function runRelayJob(request: RelayRequest, watcher: Watcher): Promise<RelayEnd> {
  assertWritesNothing(request);
  const earlier = await openEarlier(request);
  const order = earlier && request.job !== "propose" ? openOrder(earlier, request.order) : undefined;
  const target = earlier?.manifest.target ?? request.target;
  const opened = await openWorkspace({ ...request.places, actor: request.actor }, request.env, target);
  const workspace = standingIn(opened, request, order);
  if (request.asked) await assertAnswers(request.asked, { folder: request.places.cwd, target: workspace.targetName });
  await using store = await openSpanStore(request.places, request.env, workspace.config);
  return await interruptible(async (signal) => {
    const parts = { workspace, store, actor: request.actor, progress: watcher.progress, signal };
    const known = earlier && { id: earlier.manifest.run, files: filesOf(earlier) };
    await using run = await openRun({ ...parts, ...(known ? { earlier: known } : {}) });
    return await runJob(run, { request, watcher, earlier, order });
  });
}

/** Jobs that hold no token: they know of the state what the gate carried over, and write none of it. */
const WITHOUT_TOKEN: readonly RelayJob[] = ["evidence", "session", "detect", "validate"];

function standingIn(workspace: Workspace, { job, stopped }: RelayRequest, order: RelayOrder | undefined): Workspace {
  if (order === undefined || !WITHOUT_TOKEN.includes(job)) return workspace;
  const { killSwitch } = workspace;
  const assertRunning = async (): Promise<void> => {
    await killSwitch.assertRunning();
    // In a workflow a step before this one looks; without its word nobody did.
    if (stopped === false || (stopped === undefined && order.made === null)) return;
    const message =
      stopped === undefined ? "Nobody looked at the kill switch." : "The kill switch was set during the run.";
    throw new WhetstoneError("stopped", message, {
      remedy: "Find out why: whetstone audit show. `whetstone resume` lifts it; the step `stopped` looks at it.",
      data: { reason: "disabled" },
    });
  };
  return { ...workspace, state: orderedState(order), killSwitch: { ...killSwitch, assertRunning } };
}

type Job = {
  readonly request: RelayRequest;
  readonly watcher: Watcher;
  readonly earlier: OpenDossier | undefined;
  readonly order: RelayOrder | undefined;
};

async function runJob(run: LoopRun, job: Job): Promise<RelayEnd> {
  const { request, watcher, earlier, order } = job;
  const { clock } = run.workspace;
  const carried: Carried = earlier ? unpackCarried(earlier) : {};
  const stages = loopStages(run, optionsOf(run, job, carried));
  const { observer } = watcher;
  const flow = openFlow(stages, { observer, clock, ...(earlier ? { earlier: earlier.manifest.stages } : {}) });
  if (request.job === "record")
    return await finish(run, {
      stages,
      flow,
      request,
      note: watcher.note,
      earlier: needed(earlier),
      order: needed(order),
    });
  const seen = earlier ? seenIn(earlier) : {};
  const { startedBy = [], madeIn } = request;
  await JOBS[request.job]({ run, stages, flow, seen, carried, madeIn, startedBy, order, asked: gateRequest(request) });
  run.files.set(RELAY_FILE, packCarried(carried));
  return await handOn(run, flow, needed(carried.baseSha));
}

function optionsOf(run: LoopRun, { request, watcher, earlier, order }: Job, carried: Carried): StageOptions {
  const { job, variables, dryRun } = request;
  const asked = order?.asked ?? request.asked ?? ONLY_LOOKS;
  const runner =
    job === "session"
      ? orderedRunner(run, {
          request,
          order: needed(order),
          earlier: needed(earlier),
          carried,
          note: watcher.note,
        })
      : nobody(job);
  const reviewer = job === "detect" ? configuredReviewer(run.workspace.config.review, variables) : undefined;
  // The session's draw went on record at the gate; no other job of these writes any.
  const record = job !== "session" && !dryRun && order?.dryRun !== true;
  const pull = order?.pull && { number: order.pull.number, headSha: order.pull.headSha };
  return { runner, record, mode: asked.mode, question: asked.question ?? undefined, reviewer, pull, carried };
}

function gateRequest(request: RelayRequest): GateRequest {
  const { asked = ONLY_LOOKS, dryRun, startedBy = [], authorization, workflow } = request;
  // Who acts now: of a run that somebody else had run again, that one.
  const login = startedBy.at(-1);
  const person = login === undefined ? undefined : ({ type: "person", id: login } as const);
  return { asked, dryRun, person, token: authorization, made: workflow };
}

/** Only the job `session` asks anybody. */
function nobody(job: RelayJob): SessionRunner {
  const refuse = () => Promise.reject(new WhetstoneError("defect", `The job ${job} was to ask for a change.`));
  return { kind: "memory", run: refuse };
}

/** The dossier so far, with what its last stage concluded. */
async function handOn(run: LoopRun, { results }: Flow, baseSha: CommitSha): Promise<RelayEnd> {
  const { workspace, dossierId, id } = run;
  const last = needed(results.at(-1));
  const { status, reasons } = concludeRun(results);
  const order = run.files.get(ORDER_FILE);
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
    // An analysis is over when it was answered: there is no change to go on with.
    go: last.verdict === "pass" && last.reasons[0] !== "analysis_only",
    recordedAnswer: false,
    ...(order === undefined ? {} : { order: sha256(order) }),
  };
}

type Finish = {
  readonly stages: LoopStages;
  readonly flow: Flow;
  readonly request: RelayRequest;
  readonly note: Watcher["note"];
  readonly earlier: OpenDossier;
  readonly order: RelayOrder;
};

/** Whatever was decided is recorded; a job that was lost on the way leaves the run without a decision. */
async function finish(run: LoopRun, { stages, flow, request, note, earlier, order }: Finish): Promise<RelayEnd> {
  const { url = "" } = request;
  const dryRun = request.dryRun || order.dryRun;
  const lost = request.lost ?? leftOut(earlier.manifest.stages, { order, dryRun });
  const { replayed: recordedAnswer = false, spent } = unpackCarried(earlier);
  const seen = seenIn(earlier);
  const refused = earlier.text("session/admission.json") !== undefined;
  const ended = { stages: earlier.manifest.stages, lost: request.lost?.job, spent, evidence: seen.evidence, refused };
  await settleOrder(run, { order, ...ended });
  if (lost) await flow.timed(lost.job, () => Promise.resolve(lostJob(lost)));
  run.files.delete(RELAY_FILE);
  run.files.delete(ORDER_FILE);
  const report = await concludeFlow(stages, flow, seen);
  await answerPull(run, { request, order, earlier, report });
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

/**
 * The job that the last stage should have been followed by, where that was skipped all the same: a workflow goes by outputs,
 * and whoever can spoil one must not turn a run that did nothing into one that ended well.
 */
function leftOut(
  stages: readonly Pick<StageResult, "stage" | "verdict" | "reasons">[],
  { order, dryRun }: { readonly order: Pick<RelayOrder, "asked">; readonly dryRun: boolean },
): RelayRequest["lost"] {
  const last = stages.at(-1);
  if (last?.verdict !== "pass" || last.reasons.includes("no_finding")) return undefined;
  if (last.stage === "validate" && !dryRun) return { job: "propose", result: "skipped" };
  if (last.stage === "analyze" && order.asked.session !== null) return { job: "session", result: "skipped" };
  return undefined;
}

function lostJob({ job, result }: NonNullable<RelayRequest["lost"]>): Stage<undefined> {
  const summary = `the job ${job} ended as ${result} and left no verdict`;
  return { verdict: "inconclusive", reasons: ["run_failed"], summary, value: undefined };
}
