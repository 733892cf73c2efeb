import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { openGitState } from "../../../src/github/git-state.ts";
import { openMemoryState } from "../../../src/github/memory-state.ts";
import type { StateStore } from "../../../src/github/state-port.ts";
import { manualClock } from "../../../src/model/time.ts";
import { standingOf } from "../../../src/session/budget/account.ts";
import { dayOf, openBudgetDesk, readDay } from "../../../src/session/budget/desk.ts";
import { temporaryRepository } from "../../support/git-repository.ts";
import { LIMITS, NOW } from "./limits.ts";

const RESERVE = join(import.meta.dirname, "reserve.ts");
const run = promisify(execFile);

function opened(state: StateStore = openMemoryState({ retries: 1_000 }), expiryMinutes = 60) {
  const clock = manualClock(NOW);
  const desk = openBudgetDesk({ state, clock, limits: LIMITS, expiryMinutes });
  const day = async () => readDay(await state.view(), dayOf(NOW));
  return { desk, clock, state, day };
}

async function ticketOf(answer: ReturnType<ReturnType<typeof opened>["desk"]["reserve"]>) {
  const given = await answer;
  if (!given.ok) throw new Error(`refused: ${given.refusal.limit}`);
  return given.ticket;
}

describe("the desk", () => {
  test("reserves the session's limit where nothing is asked, and books what was spent", async () => {
    const { desk, day } = opened();
    const ticket = await ticketOf(desk.reserve({ id: "r-1", target: "notes" }));
    expect(ticket).toEqual({ id: "r-1", day: "2026-11-20", reserved: LIMITS.session });
    expect(standingOf(await day(), { nowNs: NOW }).reserved).toEqual(LIMITS.session);
    await desk.settle(ticket, { usd: 0.25, tokens: 40 });
    await desk.settle(ticket, { usd: 0, tokens: 0 });
    expect(standingOf(await day(), { nowNs: NOW })).toMatchObject({ spent: { usd: 0.25, tokens: 40 }, sessions: 1 });
  });

  test("a session that ended without telling its cost spent all that it reserved", async () => {
    const { desk, day } = opened();
    await desk.settle(await ticketOf(desk.reserve({ id: "r-1", target: "notes" })), "unknown");
    expect((await day()).reservations[0]?.settled).toMatchObject({ spent: LIMITS.session, basis: "unknown" });
  });

  test("refuses what does not fit without writing anything", async () => {
    const { desk, state } = opened();
    expect(await desk.reserve({ id: "r-1", target: "notes", amount: { usd: 1.5 } })).toEqual({
      ok: false,
      refusal: { limit: "session", unit: "usd", asked: 1.5, left: 1 },
    });
    expect((await state.view()).head).toBeUndefined();
  });

  test("a crashed run's reservation blocks until it expires by the clock, and a new day begins empty", async () => {
    const { desk, clock } = opened();
    for (const id of ["a", "b", "c"]) await desk.reserve({ id, target: "notes" });
    const next = (id: string) => desk.reserve({ id, target: "notes" }).then(({ ok }) => ok);
    expect(await next("d")).toBe(false);
    clock.advance(60 * 60_000);
    expect([await next("e"), await next("f"), await next("g"), await next("h")]).toEqual([true, true, true, false]);
    clock.advance(24 * 60 * 60_000);
    expect((await ticketOf(desk.reserve({ id: "i", target: "notes" }))).day).toBe("2026-11-21");
  });

  test("a session over midnight is settled on the day that it was reserved on", async () => {
    const { desk, clock, day } = opened();
    const ticket = await ticketOf(desk.reserve({ id: "r-1", target: "notes" }));
    clock.advance(24 * 60 * 60_000);
    await desk.settle(ticket, { usd: 0.5, tokens: 1 });
    expect((await day()).reservations[0]?.settled?.spent.usd).toBe(0.5);
  });

  test("one run reserves once", async () => {
    const { desk } = opened();
    await desk.reserve({ id: "r-1", target: "notes" });
    await expect(desk.reserve({ id: "r-1", target: "notes" })).rejects.toMatchObject({ code: "conflict" });
  });

  test.each([
    ["not JSON", "{"],
    ["of another schema", '{"schema":"whetstone.budget/2"}'],
    ["of another day", '{"schema":"whetstone.budget/1","day":"2026-11-19","reservations":[]}'],
  ])("a day's file that is %s stops everything: money is never spent twice", async (_what, text) => {
    const { desk, state } = opened();
    await state.update("break", async () => ({
      change: new Map([["budgets/2026-11-20.json", text]]),
      value: undefined,
    }));
    const refused = { code: "ledger_broken", data: { path: "budgets/2026-11-20.json" } };
    await expect(desk.reserve({ id: "r-1", target: "notes" })).rejects.toMatchObject(refused);
  });

  test("a reservation that vanished from the state cannot be settled in silence", async () => {
    const { desk, state } = opened();
    const ticket = await ticketOf(desk.reserve({ id: "r-1", target: "notes" }));
    await state.update("lose", async () => ({
      change: new Map([["budgets/2026-11-20.json", null]]),
      value: undefined,
    }));
    await expect(desk.settle(ticket, { usd: 1, tokens: 1 })).rejects.toMatchObject({ code: "ledger_broken" });
  });
});

/** A state whose writers are held back between what they read and what they write, in whatever order comes. */
function interleaved(scheduler: fc.Scheduler): StateStore {
  const state = openMemoryState({ retries: 1_000 });
  return {
    view: state.view,
    update: (message, plan) =>
      state.update(message, async (view) => {
        const planned = await plan(view);
        await scheduler.schedule(Promise.resolve());
        return planned;
      }),
  };
}

describe("concurrent runs", () => {
  test("any number in any order: never more than the limits, and as many as fit", async () => {
    const sessions = fc.array(
      fc.record({ target: fc.constantFrom("notes", "files"), share: fc.nat(10), settles: fc.boolean() }),
      { maxLength: 14 },
    );
    await fc.assert(
      fc.asyncProperty(sessions, fc.scheduler(), async (wanted, scheduler) => {
        const { desk, state } = opened(interleaved(scheduler));
        const standing = async (target?: string) => {
          const day = await readDay(await state.view(), dayOf(NOW));
          const { spent, reserved } = standingOf(day, { nowNs: NOW, ...(target === undefined ? {} : { target }) });
          return spent.usd + reserved.usd;
        };
        const ends = wanted.map(async ({ target, share, settles }, index) => {
          await scheduler.schedule(Promise.resolve());
          const answer = await desk.reserve({ id: `s${index}`, target });
          expect(await standing(target)).toBeLessThanOrEqual(LIMITS.target.usd);
          await scheduler.schedule(Promise.resolve());
          if (answer.ok && settles) await desk.settle(answer.ticket, { usd: share / 10, tokens: share });
          expect(await standing()).toBeLessThanOrEqual(LIMITS.day.usd);
          return { target, ok: answer.ok };
        });
        const answers = await scheduler.waitFor(Promise.all(ends));
        for (const target of ["notes", "files"]) {
          const asked = answers.filter((one) => one.target === target);
          const given = asked.filter(({ ok }) => ok).length;
          expect(given).toBeGreaterThanOrEqual(Math.min(asked.length, 3));
        }
      }),
      { numRuns: 60 },
    );
  });

  test("processes on one git state: three of five get their dollar, never a fourth", async () => {
    await using repository = await temporaryRepository();
    await repository.commit({ "a.txt": "a" });
    const ids = ["a", "b", "c", "d", "e"];
    const ends = await Promise.all(ids.map((id) => run(process.execPath, [RESERVE, repository.root, id])));
    expect(ends.map(({ stdout }) => stdout).sort()).toEqual([
      "refused: target",
      "refused: target",
      "reserved",
      "reserved",
      "reserved",
    ]);
    const state = openGitState({ cwd: repository.root, now: () => NOW });
    const { reserved } = standingOf(await readDay(await state.view(), dayOf(NOW)), { nowNs: NOW });
    expect(reserved).toEqual({ usd: 3, tokens: 30 });
  });
});
