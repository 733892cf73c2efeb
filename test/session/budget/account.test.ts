import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Amount, BudgetDay, BudgetLimits, Reservation } from "../../../src/model/budget.ts";
import { formatInstant, parseInstant } from "../../../src/model/time.ts";
import { leftOf, reserve, settle, standingOf } from "../../../src/session/budget/account.ts";

const NOW = parseInstant("2026-11-20T12:00:00Z", 0n);
const empty: BudgetDay = { schema: "whetstone.budget/1", day: "2026-11-20", reservations: [] };
const limits: BudgetLimits = {
  session: { usd: 2, tokens: 100 },
  day: { usd: 5, tokens: 1_000 },
  target: { usd: 3, tokens: 150 },
};

const booking = (id: string, over: Partial<Reservation> = {}): Reservation => ({
  id,
  target: "notes",
  reserved: { usd: 1, tokens: 50 },
  at: formatInstant(NOW),
  expires: formatInstant(NOW + 60_000_000_000n),
  ...over,
});
const spent = (usd: number, tokens = 0) =>
  ({ spent: { usd, tokens }, at: formatInstant(NOW), basis: "measured" }) as const;
const dayOf = (...reservations: Reservation[]): BudgetDay => ({ ...empty, reservations });
const ask = (day: BudgetDay, reserved: Amount, target = "notes") =>
  reserve(day, { reservation: booking("new", { reserved, target }), limits, nowNs: NOW });

describe("reserve", () => {
  test("takes what fits to the last cent", () => {
    const answer = ask(dayOf(booking("a", { reserved: { usd: 1, tokens: 50 } })), { usd: 2, tokens: 100 });
    expect(answer).toMatchObject({ ok: true });
    if (answer.ok) expect(answer.day.reservations.map(({ id }) => id)).toEqual(["a", "new"]);
  });

  test.each([
    ["the session", empty, { usd: 2.01, tokens: 1 }, { limit: "session", unit: "usd", asked: 2.01, left: 2 }],
    [
      "the session's tokens",
      empty,
      { usd: 1, tokens: 101 },
      { limit: "session", unit: "tokens", asked: 101, left: 100 },
    ],
    [
      "the target",
      dayOf(booking("a", { reserved: { usd: 2, tokens: 50 } })),
      { usd: 1.5, tokens: 50 },
      { limit: "target", unit: "usd", asked: 1.5, left: 1 },
    ],
    [
      "the target's tokens, of which some were spent",
      dayOf(booking("a", { settled: spent(0, 60) })),
      { usd: 1, tokens: 91 },
      { limit: "target", unit: "tokens", asked: 91, left: 90 },
    ],
    [
      "the day, by sessions on other targets",
      dayOf(booking("a", { target: "files", settled: spent(4) })),
      { usd: 1.5, tokens: 10 },
      { limit: "day", unit: "usd", asked: 1.5, left: 1 },
    ],
  ] as const)("refuses what does not fit into %s, and says what is left", (...[, day, asked, refusal]) => {
    expect(ask(day, asked)).toEqual({ ok: false, refusal });
  });

  test("a limit of zero, or one that is used up, refuses sessions that mean to cost nothing", () => {
    const zero = { ...limits, day: { usd: 0, tokens: 1_000 } };
    const reservation = booking("new", { reserved: { usd: 0, tokens: 0 } });
    expect(reserve(empty, { reservation, limits: zero, nowNs: NOW })).toMatchObject({
      refusal: { limit: "day", left: 0 },
    });
    // More was spent than reserved: nothing is left, not less than nothing.
    const over = dayOf(booking("a", { settled: spent(9) }));
    expect(ask(over, { usd: 0.1, tokens: 1 })).toMatchObject({ refusal: { limit: "target", left: 0 } });
  });

  test("what a crashed run set aside is free again from the moment that it expires", () => {
    const crashed = dayOf(booking("a", { reserved: { usd: 3, tokens: 150 } }));
    const at = (nowNs: bigint) => reserve(crashed, { reservation: booking("new"), limits, nowNs }).ok;
    expect([at(NOW), at(NOW + 59_999_999_999n), at(NOW + 60_000_000_000n)]).toEqual([false, false, true]);
  });

  test("cents add up to what they look like", () => {
    const dimes = Array.from({ length: 29 }, (_, index) => booking(`d${index}`, { settled: spent(0.1) }));
    expect(leftOf(limits.target, standingOf(dayOf(...dimes), { nowNs: NOW, target: "notes" })).usd).toBe(0.1);
    expect(ask(dayOf(...dimes), { usd: 0.1, tokens: 1 }).ok).toBe(true);
  });
});

describe("settle", () => {
  test("counts what was spent in the place of what was reserved, also after the expiry", () => {
    const day = dayOf(booking("a", { expires: formatInstant(NOW) }));
    expect(standingOf(day, { nowNs: NOW })).toEqual({
      spent: { usd: 0, tokens: 0 },
      reserved: { usd: 0, tokens: 0 },
      sessions: 0,
    });
    const settled = settle(day, "a", spent(0.4, 7));
    expect(standingOf(settled ?? empty, { nowNs: NOW })).toEqual({
      spent: { usd: 0.4, tokens: 7 },
      reserved: { usd: 0, tokens: 0 },
      sessions: 1,
    });
  });

  test("the first settlement stands; what was never reserved cannot be settled", () => {
    const once = settle(dayOf(booking("a")), "a", spent(0.4));
    expect(settle(once ?? empty, "a", spent(0))).toBe(once);
    expect(settle(empty, "a", spent(0))).toBeUndefined();
  });
});

describe("any course of a day", () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant("reserve" as const),
      target: fc.constantFrom("notes", "files"),
      usd: fc.integer({ min: 0, max: 30 }).map((tenths) => tenths / 10),
      tokens: fc.nat(120),
    }),
    fc.record({ kind: fc.constant("settle" as const), which: fc.nat(), share: fc.integer({ min: 0, max: 10 }) }),
    fc.record({ kind: fc.constant("wait" as const), seconds: fc.nat(90) }),
  );

  test("never holds more than a limit, spent and reserved together, while no session spends more than it reserved", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let day = empty;
        let nowNs = NOW;
        for (const [index, one] of steps.entries()) {
          if (one.kind === "wait") nowNs += BigInt(one.seconds) * 1_000_000_000n;
          if (one.kind === "reserve") {
            const reservation = booking(`s${index}`, {
              target: one.target,
              reserved: { usd: one.usd, tokens: one.tokens },
              expires: formatInstant(nowNs + 60_000_000_000n),
            });
            const answer = reserve(day, { reservation, limits, nowNs });
            if (answer.ok) day = answer.day;
          }
          // Only one that still runs comes back in time: an expired one is the case of a crash.
          const running = day.reservations.filter(
            (r) => r.settled === undefined && parseInstant(r.expires, 0n) > nowNs,
          );
          const chosen = one.kind === "settle" ? running[one.which % Math.max(1, running.length)] : undefined;
          if (one.kind === "settle" && chosen !== undefined) {
            const { usd, tokens } = chosen.reserved;
            day = settle(day, chosen.id, spent((usd * one.share) / 10, Math.floor((tokens * one.share) / 10))) ?? day;
          }
          for (const [limit, standing] of [
            [limits.day, standingOf(day, { nowNs })],
            [limits.target, standingOf(day, { nowNs, target: "notes" })],
            [limits.target, standingOf(day, { nowNs, target: "files" })],
          ] as const) {
            expect(standing.spent.usd + standing.reserved.usd).toBeLessThanOrEqual(limit.usd + 1e-6);
            expect(standing.spent.tokens + standing.reserved.tokens).toBeLessThanOrEqual(limit.tokens);
          }
        }
      }),
    );
  });
});
