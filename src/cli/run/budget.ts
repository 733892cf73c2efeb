import { resolve } from "node:path";
import { readConfig } from "../../config/read.ts";
import { openGitStateReader } from "../../github/git-state.ts";
import { repositoryRoot } from "../../github/repository.ts";
import type { Amount, BudgetLine, BudgetReport } from "../../model/budget.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import { dayOf, readDay } from "../../session/budget/desk.ts";
import { budgetReport } from "../../session/budget/report.ts";
import { systemClock } from "../../wire.ts";
import { DEFAULT_CONFIG } from "../command.ts";
import type { BudgetOptions } from "../commands/budget.ts";
import { type Io, printJson } from "../io.ts";
import { oneLine, renderTable } from "../table.ts";

/** `whetstone budget show`. */
export async function runBudgetShow(options: BudgetOptions, io: Io): Promise<number> {
  const config = await readConfig(resolve(io.cwd, options.config ?? DEFAULT_CONFIG));
  const nowNs = systemClock.now();
  const asked = dayAsked(options.day, nowNs);
  const view = await openGitStateReader({ cwd: await repositoryRoot(io.cwd) }).view();
  const day = await readDay(view, asked);
  const report = budgetReport({ day, limits: config.budgets, targets: Object.keys(config.targets), nowNs });
  if (options.json) printJson(io, report);
  else io.out(budgetText(report));
  return EXIT.pass;
}

function dayAsked(text: string | undefined, nowNs: bigint): string {
  if (text === undefined) return dayOf(nowNs);
  const real = /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
  if (real && new Date(text).toISOString().startsWith(text)) return text;
  throw new WhetstoneError("usage", `--day ${text} is no day.`, { remedy: "Write it as 2026-11-20 (UTC)." });
}

/** The report as two tables: the budgets, and the sessions that they were spent on. */
function budgetText({ day, session, lines, sessions }: BudgetReport): string {
  const head = ["budget", "limit", "spent", "set aside", "left", "sessions"];
  const table = renderTable(head, lines.map(cells));
  const each = `One session may spend ${amountText(session)}.`;
  const none = sessions.length === 0 ? `No session was started on ${day}.` : undefined;
  const rows = sessions.map(({ id, target, at, reserved, settled, state }) => [
    oneLine(id),
    oneLine(target),
    at,
    amountText(reserved),
    settled === undefined
      ? ""
      : `${amountText(settled.spent)}${settled.basis === "unknown" ? " (counted in full)" : ""}`,
    state,
  ]);
  const list = none ?? renderTable(["run", "target", "started", "set aside", "spent", "state"], rows).trimEnd();
  const expired = sessions.filter(({ state }) => state === "expired").length;
  const lost = expired === 0 ? "" : `${expired} never came back; what they spent is not known and does not count.\n`;
  return `Budgets of ${day} (UTC). ${each}\n${table}${list}\n${lost}`;
}

function cells({ target, limit, spent, reserved, left, sessions }: BudgetLine): string[] {
  const name = target === null ? "all targets" : oneLine(target);
  return [name, ...[limit, spent, reserved, left].map(amountText), String(sessions)];
}

function amountText({ usd, tokens }: Amount): string {
  return `$${usd.toFixed(2)}, ${tokens.toLocaleString("en-US")} tokens`;
}
