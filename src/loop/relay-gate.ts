import type { AskedRun } from "../model/asked-run.ts";
import type { Subject } from "../model/authorization.ts";
import type { CommitSha } from "../model/json.ts";
import type { Actor } from "../model/ledger.ts";
import type { Stage } from "../model/stage.ts";
import type { JobRun } from "../model/step-verdict.ts";
import type { Arrived } from "../protect/asked-runs.ts";
import { readAuthorization } from "../protect/authorization/records.ts";
import { unauthorized } from "../protect/authorization/refusal.ts";
import { baseSubject } from "../protect/authorization/subject.ts";
import { digestOf } from "../protect/digest.ts";
import { assertPermit } from "../protect/permit.ts";
import { type BudgetTicket, openBudgetDesk } from "../session/budget/desk.ts";
import { recordFailure } from "./record.ts";
import { PULL_FILE, PULL_PATCH, readPull } from "./relay-pull.ts";
import { rememberState } from "./relay-memory.ts";
import { type Asked, ORDER_FILE, packOrder, type RelayOrder } from "./relay-order.ts";
import { drawRules } from "./rules.ts";
import type { LoopRun } from "./run.ts";
import { describeRefusal } from "./session-budget.ts";

/** What the gate is asked to let through. */
export type GateRequest = {
  readonly asked: Asked;
  readonly dryRun: boolean;
  /** The account that started the workflow run: the person whose authorization counts. */
  readonly person: Actor | undefined;
  /** The authorization as its token. */
  readonly token: string | undefined;
  readonly made: JobRun | undefined;
  /** What the App was asked for, where it started the run. */
  readonly arrived?: Arrived | undefined;
};

type Gated = Stage<{ readonly baseSha: CommitSha }>;

/**
 * What the jobs behind the gate may not do themselves: sets aside what the session may cost, uses the person's permission
 * up, draws the rules and puts the draw on record, and carries over what is remembered of the target. When any of it
 * fails what was set aside is free again and the end of the run is on record.
 * @throws WhetstoneError `unauthorized`, `stopped`, `ledger_broken`, `config_invalid`
 */
export async function giveOrder(run: LoopRun, gated: Gated, request: GateRequest): Promise<Gated> {
  const { baseSha } = gated.value;
  const { asked, dryRun } = request;
  const isLive = asked.session?.kind === "claude";
  const read = asked.session?.kind === "pull" ? await readPull(run, asked.session, baseSha) : undefined;
  if (read?.ok === false) {
    endHere(run, { baseSha, request });
    return { ...read.refusal, value: gated.value };
  }
  const desk = deskOf(run);
  const reserved = isLive ? await desk.reserve(asking(run, asked)) : undefined;
  if (reserved?.ok === false) {
    endHere(run, { baseSha, request });
    const summary = describeRefusal(reserved.refusal, run.workspace.targetName);
    return { verdict: "inconclusive", reasons: ["budget_exhausted"], summary, value: gated.value };
  }
  const budget = reserved?.ticket ?? null;
  try {
    const permission = isLive && asked.mode === "refinement" ? await permit(run, baseSha, request) : null;
    const drawn = isLive && asked.mode === "refinement" && !dryRun;
    if (drawn) await drawRules(run, { worktree: run.workspace.root, drawn });
    const state = await rememberState(run.workspace.state, nameOf(run));
    write(run, { baseSha, budget, permission, request, state, ...(read && { pull: read.change }) });
    if (read) run.files.set(PULL_PATCH, read.patch).set(PULL_FILE, `${JSON.stringify(read.change, undefined, 2)}\n`);
  } catch (error) {
    if (budget) await desk.settle(budget, { usd: 0, tokens: 0 });
    if (!dryRun) await recordFailure(run);
    throw error;
  }
  return { ...gated, summary: `${gated.summary}; ${described(asked, budget)}` };
}

function deskOf({ workspace: { state, clock, config } }: LoopRun): ReturnType<typeof openBudgetDesk> {
  const { expiryMinutes, ...limits } = config.budgets;
  return openBudgetDesk({ state, clock, limits, expiryMinutes });
}

function nameOf({ workspace }: LoopRun): string {
  return workspace.targetName;
}

function asking(run: LoopRun, { session }: Asked) {
  const usd = session?.kind === "claude" ? session.budgetUsd : null;
  return { id: run.id, target: nameOf(run), ...(usd === null ? {} : { amount: { usd } }) };
}

async function permit(
  run: LoopRun,
  baseSha: CommitSha,
  { token, person, arrived }: GateRequest,
): Promise<RelayOrder["permission"]> {
  const subject = baseSubject(nameOf(run), baseSha);
  if (token === undefined && arrived?.isFirst === true) {
    const given = await permittedByApp(run, { asked: arrived.asked, subject });
    if (given !== undefined) return given;
  }
  const actor = person ?? run.actor;
  const asked = { actor, target: nameOf(run), run: run.id, subject, token };
  const permit = await run.workspace.guard.permit("session.refine", asked);
  const { authorization = "" } = permit;
  assertPermit(permit, "session.refine");
  return { authorization, actor, subject: digestOf(subject) };
}

/**
 * The permission that the App asked a person for, granted and used up when it was asked for this run. It counts for the one
 * run that arrives with it, for the commit that it was given for, and only as the state branch has it on record.
 */
async function permittedByApp(
  run: LoopRun,
  { asked, subject }: { readonly asked: AskedRun; readonly subject: Subject },
): Promise<RelayOrder["permission"] | undefined> {
  if (asked.permission === null) return undefined;
  const { authorization: id } = asked.permission;
  const { state, guard } = run.workspace;
  const found = await readAuthorization(await state.view(), id);
  const target = nameOf(run);
  const isSame =
    found !== undefined &&
    found.use !== null &&
    found.revocation === null &&
    digestOf([found.request.operation, found.request.target, found.request.subject, found.use.by]) ===
      digestOf(["session.refine", target, subject, asked.by]);
  if (!isSame) {
    throw unauthorized({
      reason: "digest_mismatch",
      message: `What ${asked.by.id} was permitted (${id}) is no longer what this run would work on.`,
      remedy: "Write /whetstone refine again: the default branch has moved on since.",
    });
  }
  const used = { authorization: id, operation: "session.refine", target, run: run.id, actor: asked.by } as const;
  const given = { actor: asked.by, target, run: run.id, subject, used: { ...used, subject: digestOf(subject) } };
  assertPermit(await guard.permit("session.refine", given), "session.refine");
  return { authorization: id, actor: asked.by, subject: digestOf(subject) };
}

/** No job comes behind it but the one that records, which needs nothing of the state. */
function endHere(run: LoopRun, { baseSha, request }: Pick<Settled, "baseSha" | "request">): void {
  write(run, { baseSha, budget: null, permission: null, request, state: { tip: null, files: {} } });
}

type Settled = Pick<RelayOrder, "baseSha" | "budget" | "permission" | "state" | "pull"> & {
  readonly request: GateRequest;
};

function write(run: LoopRun, { request, ...settled }: Settled): void {
  const { asked, dryRun, made } = request;
  const head = { schema: "whetstone.relay-order/1", run: run.id, target: nameOf(run) } as const;
  const { text } = packOrder({ ...head, made: made ?? null, dryRun, asked, ...settled });
  run.files.set(ORDER_FILE, text);
}

function described({ mode, session }: Asked, budget: BudgetTicket | null): string {
  if (session === null) return `${mode}, nobody is asked`;
  if (session.kind === "pull")
    return `#${session.number} at ${session.headSha.slice(0, 12)} is proved, nobody is asked`;
  if (session.kind === "replay") return `${mode} by the recording ${session.file}`;
  return `${mode} by Claude Code for at most $${budget?.reserved.usd ?? 0}`;
}
