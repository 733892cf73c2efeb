import { Amount } from "../model/budget.ts";
import { codeOf, WhetstoneError } from "../model/error.ts";
import type { SessionRecord } from "../model/proposal.ts";
import type { Stage } from "../model/stage.ts";
import { formatInstant } from "../model/time.ts";
import { type BudgetRefusal, reserve } from "../session/budget/account.ts";
import { dayOf, openBudgetDesk, readDay } from "../session/budget/desk.ts";
import type { SessionRunner } from "../session/port.ts";
import type { LoopRun } from "./run.ts";

/**
 * Why a session of this cost would not fit into the budgets now, in one sentence; undefined when it would. Sets nothing
 * aside: between this and the session another one may take what is left.
 * @throws WhetstoneError `ledger_broken` when the day's file cannot be read
 */
export async function budgetShortage(
  { workspace }: Pick<LoopRun, "workspace">,
  amount: Partial<Amount>,
): Promise<string | undefined> {
  const { state, clock, config, targetName: target } = workspace;
  const nowNs = clock.now();
  const reserved = { ...config.budgets.session, ...amount };
  const day = await readDay(await state.view(), dayOf(nowNs));
  const at = formatInstant(nowNs);
  const answer = reserve(day, {
    reservation: { id: "none", target, reserved, at, expires: at },
    limits: config.budgets,
    nowNs,
  });
  return answer.ok ? undefined : describeRefusal(answer.refusal, target);
}

/** A passed gate as it is with the money in view: one that a session cannot be paid behind does not let through. */
export async function paidFor<T>(gate: Stage<T>, { shortage }: Pick<SessionRunner, "shortage">): Promise<Stage<T>> {
  if (gate.verdict !== "pass") return gate;
  const summary = await shortage?.();
  if (summary === undefined) return gate;
  return { verdict: "inconclusive", reasons: ["budget_exhausted"], summary, value: gate.value };
}

/** Errors of a session that was refused before it could cost anything. */
const FREE: readonly unknown[] = ["unauthorized", "stopped", "usage"];

/**
 * Sets aside what a session may cost, runs it, and books what it did cost, also when it fails; where that is not known,
 * all that was set aside.
 * @throws WhetstoneError `session_failed` with data.reason `budget_exhausted` before the session, when a limit of
 * `budgets` has too little left; what the session throws
 */
export async function withinBudget(
  run: Pick<LoopRun, "id" | "workspace">,
  amount: Partial<Amount>,
  session: () => Promise<SessionRecord>,
): Promise<SessionRecord> {
  const { state, clock, config, targetName: target } = run.workspace;
  const { expiryMinutes, ...limits } = config.budgets;
  const desk = openBudgetDesk({ state, clock, limits, expiryMinutes });
  const answer = await desk.reserve({ id: run.id, target, amount });
  if (!answer.ok) throw exhausted(answer.refusal, target);
  return await counted(session, (spent) => desk.settle(answer.ticket, spent));
}

/** Runs a session and tells what it cost, also when it fails; `unknown` where nobody counted. */
export async function counted(
  session: () => Promise<SessionRecord>,
  book: (spent: Amount | "unknown") => Promise<void>,
): Promise<SessionRecord> {
  let spent: Amount | "unknown" = "unknown";
  try {
    const record = await session();
    spent = spentBy(record);
    return record;
  } catch (error) {
    spent = spentBefore(error);
    throw error;
  } finally {
    await book(spent);
  }
}

/** A cut-off session at a cloud provider told nobody what it cost: no gateway counted. */
function spentBy({ partial, run, usage }: SessionRecord): Amount | "unknown" {
  const { costUsd, inputTokens, outputTokens } = usage;
  const uncounted = partial && run !== undefined && run.provider !== "anthropic" && costUsd === 0;
  return uncounted ? "unknown" : { usd: costUsd, tokens: inputTokens + outputTokens };
}

function spentBefore(error: unknown): Amount | "unknown" {
  if (FREE.includes(codeOf(error))) return { usd: 0, tokens: 0 };
  const counted = Amount.safeParse(error instanceof WhetstoneError ? error.data["spent"] : undefined);
  return counted.success ? counted.data : "unknown";
}

const WHOSE = { session: "one session", target: "the target today", day: "all sessions of today" } as const;

/** Which limit stands against a session, in one sentence. */
export function describeRefusal({ limit, unit, asked, left }: BudgetRefusal, target: string): string {
  const show = (value: number): string => (unit === "usd" ? `$${value}` : `${value} tokens`);
  return `A session on ${target} may cost ${show(asked)}; the budget of ${WHOSE[limit]} has ${show(left)} left.`;
}

function exhausted(refusal: BudgetRefusal, target: string): WhetstoneError {
  const { limit, unit, asked, left } = refusal;
  return new WhetstoneError("session_failed", describeRefusal(refusal, target), {
    remedy: `Ask for less with --budget-usd, wait, or raise budgets.${limit} of whetstone.yaml.`,
    data: { outcome: "not_started", reason: "budget_exhausted", limit, unit, asked, left },
  });
}
