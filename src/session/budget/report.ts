import type { BudgetDay, BudgetLimits, BudgetLine, BudgetReport, Reservation } from "../../model/budget.ts";
import { isRunning, leftOf, standingOf } from "./account.ts";

/** What a report is made of. */
export type BudgetReportParts = {
  readonly day: BudgetDay;
  readonly limits: BudgetLimits;
  /** Configured targets; those with a session of the day are added. */
  readonly targets: readonly string[];
  /** Ns since the Unix epoch. */
  readonly nowNs: bigint;
};

/** The budgets of a day as they stand at a moment. Pure. */
export function budgetReport({ day, limits, targets, nowNs }: BudgetReportParts): BudgetReport {
  const names = [...new Set([...targets, ...day.reservations.map(({ target }) => target)])].sort();
  const line = (target: string | null): BudgetLine => {
    const limit = target === null ? limits.day : limits.target;
    const standing = standingOf(day, { nowNs, ...(target === null ? {} : { target }) });
    return { target, limit, ...standing, left: leftOf(limit, standing) };
  };
  return {
    schema: "whetstone.budget-report/1",
    day: day.day,
    session: limits.session,
    lines: [line(null), ...names.map(line)],
    sessions: day.reservations.map((reservation) => ({ ...reservation, state: stateOf(reservation, nowNs) })),
  };
}

function stateOf(reservation: Reservation, nowNs: bigint): BudgetReport["sessions"][number]["state"] {
  if (reservation.settled !== undefined) return "settled";
  return isRunning(reservation, nowNs) ? "running" : "expired";
}
