import { WhetstoneError } from "../../model/error.ts";
import type { Actor } from "../../model/ledger.ts";
import { unauthorized } from "../../protect/authorization/refusal.ts";
import { stopSubject } from "../../protect/kill-switch.ts";
import type { Permit } from "../../protect/permit.ts";
import { type Resumed, resumeSwept } from "../../protect/stop/resume.ts";
import { STOP_ISSUE, stopIssue, stoppedText, resumedText } from "../../protect/stop/tell.ts";
import { type Sweep, sweepStop, type SweepDeps } from "../../protect/stop/sweep.ts";
import { grantHere } from "../approval/grant.ts";
import type { HandlerContext } from "../handler.ts";
import { stopKey } from "../place.ts";
import { appSettings, type RepositoryAccess } from "../repository.ts";

/** What a stop or its end achieved; `said` is Markdown for the conversation. */
export type Swept = { readonly complete: boolean; readonly said: string };

/** Pause before what failed is tried again, and before runs that do not end are ended by force, ms. */
const AGAIN_MS = 60_000;
/** Sweeps after the first that a stop schedules by itself; what still fails then is for people, and said so. */
const MOST_SWEEPS = 10;

type StopContext = Pick<HandlerContext, "repository" | "schedule" | "clock" | "event">;

/**
 * Stops everything: the flag, Whetstone's workflows, their runs with the gates that they wait at; tells it in an issue.
 * What fails is said, and tried again by a task; run again, it completes and doubles nothing.
 */
export async function stopAll(
  context: StopContext,
  { by, why }: { readonly by: Actor; readonly why: string | null },
): Promise<Swept> {
  return await sweep(context, { by, why, origin: context.event.id, again: MOST_SWEEPS, flagged: false });
}

/** A sweep, and how many may follow it. */
export type SweepTask = {
  readonly by: Actor;
  readonly why: string | null;
  /** Id of the delivery that the stop came with. */
  readonly origin: string;
  readonly again: number;
  /** Whether a sweep before has set the flag on the state branch. */
  readonly flagged: boolean;
};

/** One sweep of a stop, and the task for the next where something is left to do. */
export async function sweep(context: Omit<StopContext, "event">, task: SweepTask): Promise<Swept> {
  const { clock } = context;
  const repository = await urgentOf(context.repository);
  const { also, failure } = await alsoStopped(repository);
  const request = { by: task.by, why: task.why, run: task.origin, also };
  const swept = await sweepStop(depsOf(repository, clock), request);
  const done: Sweep = failure === undefined ? swept : { ...swept, failures: [...swept.failures, failure] };
  const told = await tell(repository, task, done);
  const open = !told || done.failures.length > 0 || done.ending.length > 0;
  if (open && task.again > 0) await scheduleAgain(context, { ...task, again: task.again - 1, flagged: done.flagged });
  return { complete: done.flagged && done.failures.length === 0, said: stoppedText(done) };
}

/** A stop does not wait behind other writes; where that cannot be had it waits, and is done all the same. */
async function urgentOf(repository: RepositoryAccess): Promise<RepositoryAccess> {
  try {
    return (await repository.urgent?.()) ?? repository;
  } catch (error) {
    if (error instanceof WhetstoneError) return repository;
    throw error;
  }
}

async function scheduleAgain(
  { repository, schedule, clock }: Omit<StopContext, "event">,
  task: SweepTask,
): Promise<void> {
  const place = `${repository.owner}/${repository.repo}`;
  await schedule({
    id: `stop:${place}:${task.origin}:${task.again}`,
    key: stopKey(repository, "sweep"),
    name: "task.stop",
    payload: task,
    notBefore: Number(clock.now() / 1_000_000n) + AGAIN_MS,
  });
}

/** A configuration that cannot be read keeps nobody from stopping. */
async function alsoStopped(repository: RepositoryAccess) {
  try {
    return { also: (await appSettings(repository)).stop.workflows, failure: undefined };
  } catch (error) {
    if (!(error instanceof WhetstoneError)) throw error;
    return {
      also: [],
      failure: { what: "reading whetstone.yaml, which may name more workflows", detail: error.message },
    };
  }
}

async function tell({ host }: RepositoryAccess, { by, why }: SweepTask, done: Sweep): Promise<boolean> {
  try {
    await host.notes.issue(stopIssue({ by, why, done }));
    return true;
  } catch (error) {
    if (error instanceof WhetstoneError) return false; // the next sweep tells it
    throw error;
  }
}

type ResumeContext = Pick<HandlerContext, "repository" | "clock"> & {
  /** Names the handling: the same at every attempt. */
  readonly event: Pick<HandlerContext["event"], "id">;
};

/**
 * Lets everything go on that was stopped, with the permission of the person who asks, who must be an admin, and switches
 * on exactly what the stop had switched off. A stop in between wins.
 * @throws WhetstoneError `unauthorized`; `stopped` while the variable of the repository is set; `api_failed`
 */
export async function resumeAll(context: ResumeContext, request: { readonly by: Actor }): Promise<Swept> {
  const done = await letGoOn(context, request);
  return { complete: done.complete, said: resumedText(done) };
}

/** {@link resumeAll} with what came of it, part by part. */
export async function letGoOn(
  { repository, clock, event }: ResumeContext,
  { by }: { readonly by: Actor },
): Promise<Resumed & { readonly complete: boolean }> {
  const permit = () => permitHere(repository, { by, run: event.id });
  const done = await resumeSwept(depsOf(repository, clock), { by, run: event.id, permit });
  const complete = !done.stoppedAgain && done.failures.length === 0;
  if (complete) await repository.host.notes.closeIssue(STOP_ISSUE);
  return { ...done, complete };
}

async function permitHere(
  repository: RepositoryAccess,
  { by, run }: { readonly by: Actor; readonly run: string },
): Promise<Permit<"resume">> {
  const subject = stopSubject(await repository.killSwitch.look());
  const granted = await grantHere(repository, { operation: "resume", target: "all", subject, by, run });
  if (granted.kind === "permitted") return granted.permit;
  const { reason, message, remedy } = granted;
  throw unauthorized({ reason, message, remedy });
}

function depsOf({ killSwitch, state, forge, host }: RepositoryAccess, clock: HandlerContext["clock"]): SweepDeps {
  return { killSwitch, state, forge, host, clock };
}
