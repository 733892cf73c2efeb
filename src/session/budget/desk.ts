import type { StateStore, StateView } from "../../github/state-port.ts";
import { type Amount, BudgetDay, type BudgetLimits, type Reservation } from "../../model/budget.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import { type Clock, formatInstant } from "../../model/time.ts";
import { type BudgetRefusal, reserve, settle } from "./account.ts";

/** Where budgets are kept, and what they are. */
export type BudgetParts = {
  readonly state: StateStore;
  readonly clock: Pick<Clock, "now">;
  readonly limits: BudgetLimits;
  readonly expiryMinutes: number;
};

/** What was set aside for one session. */
export type BudgetTicket = { readonly id: string; readonly day: string; readonly reserved: Amount };

/** Set aside, or which limit stood against it. */
export type BudgetAnswer =
  { readonly ok: true; readonly ticket: BudgetTicket } | { readonly ok: false; readonly refusal: BudgetRefusal };

/** Sets money and tokens aside before a session and books what it spent after it. */
export type BudgetDesk = {
  /**
   * Reserves for a session, for the session limit where nothing is asked. Safe among concurrent runs: the reservation
   * lands by compare-and-swap, so the sum of what was spent and what is reserved never exceeds a limit.
   * @throws WhetstoneError `conflict` when the id reserved before, `ref_moved`, `ledger_broken` when the day's file
   * cannot be read
   */
  readonly reserve: (asked: {
    readonly id: string;
    readonly target: string;
    readonly amount?: Partial<Amount>;
  }) => Promise<BudgetAnswer>;
  /**
   * Books what a session spent, also more than it reserved; `unknown` books all of the reservation. Booked once: a
   * second time changes nothing.
   */
  readonly settle: (ticket: BudgetTicket, spent: Amount | "unknown") => Promise<void>;
};

/** The desk over a state store. */
export function openBudgetDesk(parts: BudgetParts): BudgetDesk {
  const { state, clock } = parts;
  return {
    reserve: ({ id, target, amount }) => {
      const reserved = { ...parts.limits.session, ...amount };
      return state.update<BudgetAnswer>(`Reserve $${reserved.usd} on ${target}: ${id}`, async (view) => {
        // Read anew when the plan runs again after a lost race: time went on.
        const nowNs = clock.now();
        const day = await readDay(view, dayOf(nowNs));
        if (day.reservations.some((reservation) => reservation.id === id)) throw takenTwice(id);
        const answer = reserve(day, {
          reservation: reservationOf(parts, { id, target, reserved, nowNs }),
          ...parts,
          nowNs,
        });
        if (!answer.ok) return { change: new Map(), value: answer };
        const ticket = { id, day: day.day, reserved };
        return { change: fileOf(answer.day), value: { ok: true, ticket } };
      });
    },
    settle: (ticket, spent) =>
      state.update(`Settle ${ticket.id}`, async (view) => {
        const at = formatInstant(clock.now());
        const settled =
          spent === "unknown"
            ? ({ spent: ticket.reserved, at, basis: "unknown" } as const)
            : ({ spent, at, basis: "measured" } as const);
        const day = settle(await readDay(view, ticket.day), ticket.id, settled);
        if (day !== undefined) return { change: fileOf(day), value: undefined };
        throw new WhetstoneError("ledger_broken", `${pathOf(ticket.day)} lacks the reservation of ${ticket.id}.`, {
          remedy: "Restore the file from an earlier commit of the branch whetstone/state.",
          data: { path: pathOf(ticket.day), id: ticket.id },
        });
      }),
  };
}

function takenTwice(id: string): WhetstoneError {
  return new WhetstoneError("conflict", `${id} has reserved its budget before.`, {
    remedy: "Start a new run: each reserves once, and what it reserved is for one session.",
    data: { id },
  });
}

type Wanted = {
  readonly id: string;
  readonly target: string;
  readonly reserved: Amount;
  readonly nowNs: bigint;
};

function reservationOf(parts: BudgetParts, { nowNs, ...wanted }: Wanted): Reservation {
  const expiresNs = nowNs + BigInt(Math.round(parts.expiryMinutes * 60_000)) * 1_000_000n;
  return { ...wanted, at: formatInstant(nowNs), expires: formatInstant(expiresNs) };
}

/** The day (UTC) of a moment, ns since the Unix epoch: `2026-11-20`. */
export function dayOf(nowNs: bigint): string {
  return formatInstant(nowNs).slice(0, 10);
}

/** A day's reservations; none when nothing was reserved. @throws WhetstoneError `ledger_broken` naming the file */
export async function readDay(view: StateView, day: string): Promise<BudgetDay> {
  const text = await view.read(pathOf(day));
  if (text === undefined) return { schema: "whetstone.budget/1", day, reservations: [] };
  try {
    const parsed = BudgetDay.parse(JSON.parse(text));
    if (parsed.day === day) return parsed;
    throw new WhetstoneError("defect", `it is of ${parsed.day}`);
  } catch (cause) {
    // Taken for empty it would let sessions spend a day's money again.
    throw new WhetstoneError(
      "ledger_broken",
      `The state branch holds an unreadable budget, ${pathOf(day)}: ${messageOf(cause)}`,
      {
        remedy: "Restore the file from an earlier commit of the branch whetstone/state.",
        cause,
        data: { path: pathOf(day) },
      },
    );
  }
}

const pathOf = (day: string): string => `budgets/${day}.json`;

function fileOf(day: BudgetDay): ReadonlyMap<string, string> {
  return new Map([[pathOf(day.day), `${JSON.stringify(day, undefined, 2)}\n`]]);
}
