import { z } from "zod";
import { Instant } from "./json.ts";

/** Money and tokens: US dollars, and tokens in and out together. */
export const Amount = z.strictObject({ usd: z.number().nonnegative(), tokens: z.number().int().nonnegative() });
export type Amount = z.infer<typeof Amount>;

/** What a session set aside before it started, and what it spent once that is known. */
export const Reservation = z.strictObject({
  /** Id of the run or session that it is for; unique within its day. */
  id: z.string().min(1).max(200),
  target: z.string(),
  reserved: Amount,
  at: Instant,
  /** From here on a reservation that was not settled no longer counts: its session is gone. */
  expires: Instant,
  settled: z
    .strictObject({
      spent: Amount,
      at: Instant,
      /** `unknown`: the session ended without telling its cost, so all of the reservation counts as spent. */
      basis: z.enum(["measured", "unknown"]),
    })
    .optional(),
});
export type Reservation = z.infer<typeof Reservation>;

/** `budgets/<day>.json` on the state branch: every reservation of a day (UTC). */
export const BudgetDay = z.strictObject({
  schema: z.literal("whetstone.budget/1"),
  day: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
  reservations: z.array(Reservation),
});
export type BudgetDay = z.infer<typeof BudgetDay>;

/** What may be spent: by one session, by all sessions of a day, and by those of a day on one target. */
export type BudgetLimits = { readonly session: Amount; readonly day: Amount; readonly target: Amount };

/** What counts against one limit: spent, set aside by sessions that run, and what is left of it. */
export const BudgetLine = z.strictObject({
  /** `null`: all targets together. */
  target: z.string().nullable(),
  limit: Amount,
  spent: Amount,
  reserved: Amount,
  left: Amount,
  sessions: z.number().int().nonnegative(),
});
export type BudgetLine = z.infer<typeof BudgetLine>;

/** `whetstone budget show --json`. */
export const BudgetReport = z.strictObject({
  schema: z.literal("whetstone.budget-report/1"),
  day: z.string(),
  /** What one session may spend. */
  session: Amount,
  /** All targets together first, then each that is configured or had a session. */
  lines: z.array(BudgetLine),
  /** `running`: counts until it is settled or expires. `expired`: its run never came back; what it spent is not known. */
  sessions: z.array(Reservation.extend({ state: z.enum(["running", "settled", "expired"]) })),
});
export type BudgetReport = z.infer<typeof BudgetReport>;
