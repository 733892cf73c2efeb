import type { WorkflowRun } from "../../github/runs-port.ts";
import { apiStatus } from "../../github/rest-api.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import type { AskedRun } from "../../model/asked-run.ts";
import { formatInstant } from "../../model/time.ts";
import { askedRunFile, readAskedRun } from "../../protect/asked-runs.ts";
import { digestOf } from "../../protect/digest.ts";
import { planLedger } from "../../protect/ledger.ts";
import type { Answer, CommandContext } from "../command.ts";
import { cell } from "../page-text.ts";
import { appSettings } from "../repository.ts";
import { followTask } from "./follow.ts";

/** What is asked of the loop. */
export type LoopOrder = Pick<AskedRun, "word" | "target" | "inputs" | "permission">;

/** For so long a run may exist that GitHub does not list yet, ms. */
const UNLISTED_MS = 120_000;

/**
 * Starts the loop's workflow on the default branch exactly once for a comment, however often this runs: the wish is on
 * record before GitHub is asked, and a run whose start was asked for without an answer is looked for by its title. A task
 * then follows it.
 * @throws WhetstoneError `api_failed`: to be tried again; `usage` when the workflow is not there; `stopped`
 */
export async function startLoop(context: CommandContext, order: LoopOrder): Promise<Answer> {
  const { repository, place } = context;
  const { workflow } = (await appSettings(repository)).loop;
  await assertStartable(context, workflow);
  const { asked, isNew } = await claim(context, { ...order, workflow });
  const run = asked.run ?? (await begin(context, asked, isNew));
  if (asked.run === null) await noteRun(context, run);
  await context.schedule(
    followTask(repository, { comment: place.comment, run, now: Number(context.clock.now() / 1_000_000n) }),
  );
  return { state: "running", body: startedText(asked, run) };
}

function startedText({ word, target }: AskedRun, run: number): string {
  return `### Whetstone: ${word} of ${cell(target)}\n\nThe workflow was started as run ${run}; this comment says how it goes.`;
}

async function assertStartable({ repository }: CommandContext, workflow: string): Promise<void> {
  await repository.killSwitch.assertRunning();
  const state = await repository.host.workflows.state(workflow);
  if (state === "active") return;
  const what = state === undefined ? "is not on the default branch" : `is switched off (${state})`;
  throw new WhetstoneError("usage", `The workflow ${workflow}, which runs the loop, ${what}.`, {
    remedy:
      state === undefined
        ? "Let `whetstone init` write it, or name another one as `app.loop.workflow` of whetstone.yaml."
        : 'Switch it on under Actions, or write "/whetstone resume" when everything was stopped.',
  });
}

type Claim = { readonly asked: AskedRun; readonly isNew: boolean };

/** Puts the wish on record with its ledger entry; what stands there is of an earlier attempt. */
async function claim(context: CommandContext, order: LoopOrder & { readonly workflow: string }): Promise<Claim> {
  const { repository, clock, place, by, event } = context;
  const { comment, conversation } = place;
  const asked: AskedRun = {
    schema: "whetstone.asked-run/1",
    comment,
    conversation,
    by,
    app: repository.self.login,
    at: formatInstant(clock.now()),
    run: null,
    loop: null,
    ...order,
  };
  return await repository.state.update<Claim>(`app: ${order.word} asked for by comment ${comment}`, async (view) => {
    const standing = await readAskedRun(view, comment);
    if (standing !== undefined) return { change: new Map(), value: { asked: standing, isNew: false } };
    const entry = {
      actor: by,
      operation: "loop.ask",
      target: order.target,
      decision: "allow",
      reasonCode: "ok",
      result: `${order.word} by ${order.workflow}`,
      parametersDigest: digestOf(order),
      run: event.id,
      ...(order.permission === null ? {} : { authorization: order.permission.authorization }),
    } as const;
    const { change } = await planLedger(view, [entry], { clock });
    return { change: new Map([...change, askedRunFile(asked)]), value: { asked, isNew: true } };
  });
}

/** The id of the run: found, or started now. */
async function begin({ repository, clock }: CommandContext, asked: AskedRun, isNew: boolean): Promise<number> {
  const begun = isNew ? undefined : await findRun(repository, asked);
  if (begun !== undefined) return begun.id;
  const age = Number(clock.now() / 1_000_000n) - Date.parse(asked.at);
  if (!isNew && age < UNLISTED_MS) throw unlisted(asked);
  const { defaultBranch } = await repository.host.repository.facts();
  const start = { ref: defaultBranch, inputs: { ...asked.inputs, request: String(asked.comment) } };
  const { runId } = await repository.host.workflows.dispatch(asked.workflow, start).catch((error: unknown) => {
    throw apiStatus(error) === 422 ? notTaken(asked, error) : error;
  });
  // An older server names no run: the next attempt looks for it.
  const run = runId ?? (await findRun(repository, asked))?.id;
  if (run === undefined) throw unlisted(asked);
  return run;
}

async function findRun(
  { host, self }: CommandContext["repository"],
  asked: AskedRun,
): Promise<WorkflowRun | undefined> {
  // GitHub's clock need not be ours.
  const since = formatInstant(BigInt(Date.parse(asked.at) - UNLISTED_MS) * 1_000_000n);
  const runs = await host.runs.dispatched(asked.workflow, since, self.login);
  return runs.find(({ title }) => title.split(/\s+/).includes(requestMark(asked.comment)));
}

/** What the title of a run holds by which it is found: `run-name` of the workflow puts it there. */
function requestMark(comment: number): string {
  return `request-${comment}`;
}

function unlisted({ comment, workflow }: AskedRun): WhetstoneError {
  return new WhetstoneError("api_failed", `Whether ${workflow} runs for comment ${comment} cannot be told yet.`, {
    remedy: "It is looked for again before anything is started.",
    data: { later: true },
  });
}

function notTaken({ workflow }: AskedRun, cause: unknown): WhetstoneError {
  return new WhetstoneError("usage", `${workflow} cannot be started as the App does it: ${messageOf(cause)}`, {
    remedy: "Bring it up to date with `whetstone init`: it must take the input request and name its run by it.",
    cause,
  });
}

async function noteRun({ repository, place }: CommandContext, run: number): Promise<void> {
  await repository.state.update(`app: run ${run} for comment ${place.comment}`, async (view) => {
    const standing = await readAskedRun(view, place.comment);
    if (standing === undefined || standing.run !== null) return { change: new Map(), value: undefined };
    return { change: new Map([askedRunFile({ ...standing, run })]), value: undefined };
  });
}
