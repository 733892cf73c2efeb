import { describe, expect, test } from "@jest/globals";
import { openMemoryState } from "../../src/github/memory-state.ts";
import { budgetShortage, paidFor, withinBudget } from "../../src/loop/session-budget.ts";
import { WhetstoneError } from "../../src/model/error.ts";
import type { SessionRecord } from "../../src/model/proposal.ts";
import { manualClock } from "../../src/model/time.ts";
import { dayOf, readDay } from "../../src/session/budget/desk.ts";
import type { Workspace } from "../../src/wire.ts";
import { session as answered } from "../propose/parts.ts";
import { run as went } from "../session/parts.ts";

const usage = { inputTokens: 100, outputTokens: 20, turns: 2, costUsd: 0.25 };
const record: SessionRecord = { ...answered, usage };

/** A run in a repository whose sessions may cost a dollar each and two a day. */
function desk() {
  const [state, clock] = [openMemoryState(), manualClock()];
  const much = { usd: 2, tokens: 10_000 };
  const budgets = { session: { usd: 1, tokens: 5_000 }, day: much, target: much, expiryMinutes: 60 };
  const workspace = { state, clock, config: { budgets }, targetName: "notes" } as unknown as Workspace;
  const booked = async () => (await readDay(await state.view(), dayOf(clock.now()))).reservations;
  let runs = 0;
  const run = (session: () => Promise<SessionRecord>, amount = {}) =>
    withinBudget({ id: `r-${(runs += 1)}`, workspace }, amount, session);
  const shortage = (amount = {}) => budgetShortage({ workspace }, amount);
  return { run, booked, shortage };
}

describe("the gate, with the money in view", () => {
  const passed = { verdict: "pass", reasons: ["ok"], summary: "", value: 1 } as const;
  const dear = () => Promise.resolve({ ...record, usage: { ...usage, costUsd: 0.75 } });

  test("says what is short before anything is measured, and sets nothing aside", async () => {
    const at = desk();
    expect(await at.shortage()).toBeUndefined();
    await at.run(dear);
    await at.run(dear);
    const said = "A session on notes may cost $1; the budget of the target today has $0.5 left.";
    expect(await at.shortage()).toBe(said);
    expect(await at.shortage({ usd: 0.5 })).toBeUndefined();
    expect(await at.booked()).toHaveLength(2);
    expect(await paidFor(passed, at)).toEqual({
      verdict: "inconclusive",
      reasons: ["budget_exhausted"],
      summary: said,
      value: 1,
    });
  });

  test("lets through what can be paid or costs nothing, and asks nobody behind a closed gate", async () => {
    expect(await paidFor(passed, { shortage: () => Promise.resolve(undefined) })).toBe(passed);
    expect(await paidFor(passed, {})).toBe(passed);
    const closed = { ...passed, verdict: "fail", reasons: ["fingerprint_rejected"] } as const;
    expect(await paidFor(closed, { shortage: () => Promise.reject(new Error("asked")) })).toBe(closed);
  });
});

describe("a session within its budget", () => {
  test("money is set aside before it starts, and what it cost is booked after it", async () => {
    const at = desk();
    const given = await at.run(async () => {
      expect(await at.booked()).toMatchObject([{ id: "r-1", reserved: { usd: 1, tokens: 5_000 } }]);
      expect((await at.booked())[0]).not.toHaveProperty("settled");
      return record;
    });
    expect(given).toBe(record);
    expect(await at.booked()).toMatchObject([{ settled: { spent: { usd: 0.25, tokens: 120 }, basis: "measured" } }]);
  });

  test.each([
    ["bedrock" as const, "all that was set aside: nobody counted", 1],
    ["anthropic" as const, "what the gateway counted", 0],
  ])("a session at %s that was cut off without a cost is booked at %s", async (provider, _what, usd) => {
    const at = desk();
    const nothing = { inputTokens: 0, outputTokens: 0, turns: 0, costUsd: 0 };
    await at.run(() => Promise.resolve({ ...record, partial: true, usage: nothing, run: { ...went, provider } }));
    expect(await at.booked()).toMatchObject([{ settled: { spent: { usd } } }]);
  });

  test.each([
    ["what it had cost", new WhetstoneError("session_failed", "x", { data: { spent: { usd: 0.5, tokens: 7 } } }), 0.5],
    ["nothing where it was refused", new WhetstoneError("unauthorized", "x"), 0],
    ["all of it where nobody knows", new WhetstoneError("session_failed", "x"), 1],
    ["all of it after a bug", new Error("x"), 1],
  ])("a failure books %s, and is passed on", async (_name, error, usd) => {
    const at = desk();
    await expect(at.run(() => Promise.reject(error))).rejects.toBe(error);
    expect((await at.booked())[0]?.settled?.spent.usd).toBe(usd);
  });

  test("without enough left it does not start, and the limit is named", async () => {
    const at = desk();
    const dear = () => Promise.resolve({ ...record, usage: { ...usage, costUsd: 0.75 } });
    await at.run(dear);
    await at.run(dear);
    let started = false;
    const third = at.run(() => {
      started = true;
      return dear();
    });
    await expect(third).rejects.toMatchObject({
      code: "session_failed",
      data: { reason: "budget_exhausted", limit: "target", unit: "usd", asked: 1, left: 0.5 },
    });
    expect([started, (await at.booked()).length]).toEqual([false, 2]);
    await at.run(dear, { usd: 0.5 });
  });

  test("more than one session may cost is refused whatever is left", async () => {
    const at = desk();
    const over = at.run(() => Promise.resolve(record), { usd: 1.5 });
    await expect(over).rejects.toMatchObject({ data: { limit: "session", left: 1 } });
  });
});
