import type { Amount, BudgetDay, BudgetLimits, Reservation } from "../../model/budget.ts";
import { parseInstant } from "../../model/time.ts";

/** What counts against the limits at a moment: what was spent, and what running sessions have set aside. */
export type Standing = { readonly spent: Amount; readonly reserved: Amount; readonly sessions: number };

/** Which limit a session does not fit into, and what is left of it. */
export type BudgetRefusal = {
  readonly limit: keyof BudgetLimits;
  readonly unit: keyof Amount;
  readonly asked: number;
  readonly left: number;
};

const NOTHING: Amount = { usd: 0, tokens: 0 };

/** What counts of a day at `nowNs` (ns since the Unix epoch), of one target or of all. */
export function standingOf(day: BudgetDay, at: { readonly nowNs: bigint; readonly target?: string }): Standing {
  const own = day.reservations.filter(({ target }) => at.target === undefined || target === at.target);
  const settled = own.flatMap((reservation) => reservation.settled?.spent ?? []);
  const running = own.filter((reservation) => isRunning(reservation, at.nowNs));
  const reserved = running.map((reservation) => reservation.reserved);
  return { spent: total(settled), reserved: total(reserved), sessions: settled.length + running.length };
}

/** Neither settled nor expired: what it set aside may still be spent. */
export function isRunning({ settled, expires }: Reservation, nowNs: bigint): boolean {
  return settled === undefined && parseInstant(expires, 0n) > nowNs;
}

/** What is left of a limit; nothing when more was spent than was allowed. */
export function leftOf(limit: Amount, { spent, reserved }: Standing): Amount {
  const left = (unit: keyof Amount): number => Math.max(0, round(limit[unit] - spent[unit] - reserved[unit]));
  return { usd: left("usd"), tokens: left("tokens") };
}

/** A reservation to be made, and by which limits and time it is judged. */
export type Asking = {
  readonly reservation: Reservation;
  readonly limits: BudgetLimits;
  readonly nowNs: bigint;
};

/**
 * The day with the reservation in it, or the first limit that it does not fit into. What fits keeps the sum of what was
 * spent and what is reserved within every limit.
 */
export function reserve(
  day: BudgetDay,
  { reservation, limits, nowNs }: Asking,
): { readonly ok: true; readonly day: BudgetDay } | { readonly ok: false; readonly refusal: BudgetRefusal } {
  const left = {
    session: limits.session,
    target: leftOf(limits.target, standingOf(day, { nowNs, target: reservation.target })),
    day: leftOf(limits.day, standingOf(day, { nowNs })),
  };
  for (const limit of ["session", "target", "day"] as const) {
    for (const unit of ["usd", "tokens"] as const) {
      const asked = reservation.reserved[unit];
      // Nothing left is a refusal even of a session that means to cost nothing: sessions are forbidden then.
      if (asked <= left[limit][unit] && left[limit][unit] > 0) continue;
      return { ok: false, refusal: { limit, unit, asked, left: left[limit][unit] } };
    }
  }
  return { ok: true, day: { ...day, reservations: [...day.reservations, reservation] } };
}

/** The day in which a reservation is settled; the first settlement stands. Undefined when there is no such reservation. */
export function settle(
  day: BudgetDay,
  id: string,
  settled: NonNullable<Reservation["settled"]>,
): BudgetDay | undefined {
  const found = day.reservations.find((reservation) => reservation.id === id);
  if (found === undefined) return undefined;
  if (found.settled !== undefined) return day;
  const reservations = day.reservations.map((one) => (one === found ? { ...found, settled } : one));
  return { ...day, reservations };
}

function total(amounts: readonly Amount[]): Amount {
  return amounts.reduce(
    (sum, { usd, tokens }) => ({ usd: round(sum.usd + usd), tokens: sum.tokens + tokens }),
    NOTHING,
  );
}

/** To a millionth of a dollar, so that sums of cents are what they look like. */
function round(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
