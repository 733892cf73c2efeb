import { describe, expect, test } from "@jest/globals";
import { BudgetReport, type BudgetDay, type Reservation } from "../../../src/model/budget.ts";
import { formatInstant } from "../../../src/model/time.ts";
import { budgetReport } from "../../../src/session/budget/report.ts";
import { LIMITS, NOW } from "./limits.ts";

const booking = (id: string, over: Partial<Reservation> = {}): Reservation => ({
  id,
  target: "notes",
  reserved: { usd: 1, tokens: 10 },
  at: formatInstant(NOW),
  expires: formatInstant(NOW + 1n),
  ...over,
});
const settled = { spent: { usd: 0.5, tokens: 7 }, at: formatInstant(NOW), basis: "measured" } as const;

/** The report of a day with these reservations. */
function reportOf(reservations: readonly Reservation[]): BudgetReport {
  const day: BudgetDay = { schema: "whetstone.budget/1", day: "2026-11-20", reservations: [...reservations] };
  return budgetReport({ day, limits: LIMITS, targets: ["zoo", "notes"], nowNs: NOW });
}

describe("budgetReport", () => {
  test("states every configured target, and those that had a session", () => {
    const report = reportOf([booking("a", { target: "gone", settled })]);
    expect(report.lines.map(({ target }) => target)).toEqual([null, "gone", "notes", "zoo"]);
    expect(BudgetReport.parse(report)).toEqual(report);
  });

  test("limit, spent, set aside and left add up, for all and for each", () => {
    const report = reportOf([booking("a", { settled }), booking("b"), booking("c", { target: "zoo" })]);
    expect(report.lines[0]).toMatchObject({
      limit: LIMITS.day,
      spent: { usd: 0.5, tokens: 7 },
      reserved: { usd: 2, tokens: 20 },
      left: { usd: 7.5, tokens: 973 },
      sessions: 3,
    });
    expect(report.lines[1]).toMatchObject({ target: "notes", limit: LIMITS.target, left: { usd: 1.5, tokens: 283 } });
  });

  test("tells running, settled and expired sessions apart", () => {
    const report = reportOf([booking("a"), booking("b", { settled }), booking("c", { expires: formatInstant(NOW) })]);
    expect(report.sessions.map(({ state }) => state)).toEqual(["running", "settled", "expired"]);
    expect(report.lines[0]?.reserved.usd).toBe(1);
  });
});
