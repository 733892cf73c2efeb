import type { AppSettings } from "../../config/app.ts";
import type { WorkflowRun } from "../../github/runs-port.ts";
import { WhetstoneError } from "../../model/error.ts";
import type { LedgerEntry } from "../../model/ledger.ts";
import { formatInstant } from "../../model/time.ts";
import { digestOf } from "../../protect/digest.ts";
import { planLedger } from "../../protect/ledger.ts";
import type { HandlerContext } from "../handler.ts";
import { canaryTitle } from "./candidate.ts";
import { type CanaryStart, canaryStartPath, readCanaryStart } from "./start-record.ts";

/** What a start works with. */
export type StartContext = Pick<HandlerContext, "repository" | "clock" | "event">;

/** The start that stands, and whose it is: new, of an earlier attempt of the same delivery, or somebody else's. */
type Claim = { readonly start: CanaryStart; readonly whose: "new" | "attempted" | "other" };

/** After this long a start whose run cannot be found counts as one that never began, ms. */
const LOST_MS = 600_000;
/** For so long a run may exist that GitHub does not list yet, ms. */
const UNLISTED_MS = 120_000;

/**
 * Starts the canary workflow for a commit, exactly once: the wish is on record before GitHub is asked, and what was asked
 * for in vain or without an answer is looked for by the title of its run. A run that ended without success may be
 * followed by another one. Returns the start that stands; `run` null while somebody else is at it.
 * @throws WhetstoneError `api_failed`: to be tried again; `stopped`
 */
export async function startOnce(
  context: StartContext,
  wish: Pick<CanaryStart, "sha" | "pull" | "target" | "by">,
  settings: AppSettings["gate"],
): Promise<CanaryStart> {
  const { start, whose } = await claim(context, wish);
  if (start.run !== null || whose === "other") return start;
  const begun = whose === "new" ? undefined : await findRun(context, start, settings);
  if (begun === undefined && whose === "attempted" && ageMs(context, start) < UNLISTED_MS) throw unlisted(start);
  const run = begun?.id ?? (await dispatch(context, start, settings)) ?? (await findRun(context, start, settings))?.id;
  // An older server names no run: the next attempt looks for it.
  if (run === undefined) throw unlisted(start);
  return await noteRun(context.repository, start, run);
}

function unlisted({ sha }: CanaryStart): WhetstoneError {
  return new WhetstoneError("api_failed", `Whether the canary of ${sha} runs cannot be told yet.`, {
    remedy: "It is looked for again before anything is started.",
  });
}

/** Puts the wish on record, unless one stands. */
async function claim(context: StartContext, wish: Pick<CanaryStart, "sha" | "pull" | "target" | "by">): Promise<Claim> {
  const { repository, clock, event } = context;
  const standing = await readCanaryStart(await repository.state.view(), wish.sha);
  const over = standing !== undefined && (await isOver(context, standing));
  const next: CanaryStart = {
    schema: "whetstone.canary-start/1",
    ...wish,
    delivery: event.id,
    at: formatInstant(clock.now()),
    run: null,
  };
  return await repository.state.update<Claim>(`canary: start ${wish.sha}`, async (view) => {
    const current = await readCanaryStart(view, wish.sha);
    const isOurs = current?.delivery === event.id && current.run === null;
    const isTaken = current !== undefined && !(over && current.at === standing?.at);
    if (isTaken) return { change: new Map(), value: { start: current, whose: isOurs ? "attempted" : "other" } };
    const { change } = await planLedger(view, [entryOf(next)], { clock });
    const file = [canaryStartPath(wish.sha), `${JSON.stringify(next, undefined, 1)}\n`] as const;
    return { change: new Map([...change, file]), value: { start: next, whose: "new" } };
  });
}

function entryOf({ by, target, sha, pull, delivery }: CanaryStart): LedgerEntry {
  return {
    actor: by,
    operation: "canary.start",
    target,
    decision: "allow",
    reasonCode: "ok",
    result: `canary of pull request ${pull}`,
    parametersDigest: digestOf({ sha, pull }),
    run: delivery,
  };
}

/** Whether another one may follow: its run ended without success, or never came to be. */
async function isOver(context: StartContext, start: CanaryStart): Promise<boolean> {
  if (start.run === null) return start.delivery !== context.event.id && ageMs(context, start) >= LOST_MS;
  const run = await context.repository.host.runs.find(start.run);
  return run === undefined || (run.status === "completed" && run.conclusion !== "success");
}

function ageMs({ clock }: StartContext, { at }: CanaryStart): number {
  return Number(clock.now() / 1_000_000n) - Date.parse(at);
}

async function findRun(
  { repository }: StartContext,
  start: CanaryStart,
  { workflow }: AppSettings["gate"],
): Promise<WorkflowRun | undefined> {
  // GitHub's clock need not be ours.
  const since = formatInstant(BigInt(Date.parse(start.at) - UNLISTED_MS) * 1_000_000n);
  const runs = await repository.host.runs.dispatched(workflow, since, repository.self.login);
  return runs.find(({ title }) => title === canaryTitle(start));
}

/** The run's id, where GitHub states it. */
async function dispatch(
  { repository }: StartContext,
  { sha, pull, target }: CanaryStart,
  { workflow }: AppSettings["gate"],
): Promise<number | undefined> {
  const { defaultBranch } = await repository.host.repository.facts();
  // The workflow is the default branch's: what a pull request changes in it starts nothing.
  const start = { ref: defaultBranch, inputs: { sha, pull: String(pull), target } };
  return (await repository.host.workflows.dispatch(workflow, start)).runId;
}

async function noteRun({ state }: StartContext["repository"], start: CanaryStart, run: number): Promise<CanaryStart> {
  const noted = { ...start, run };
  return await state.update(`canary: run ${run} of ${start.sha}`, async (view) => {
    const current = await readCanaryStart(view, start.sha);
    if (current?.at !== start.at || current.run !== null) return { change: new Map(), value: current ?? noted };
    const file = [canaryStartPath(start.sha), `${JSON.stringify(noted, undefined, 1)}\n`] as const;
    return { change: new Map([file]), value: noted };
  });
}
