import { describe, expect, test } from "@jest/globals";
import { advance, startRollout } from "../../../src/canary/rollout.ts";
import type { RolloutPlan } from "../../../src/canary/rollout-record.ts";
import { openMemoryState } from "../../../src/github/memory-state.ts";
import { pathOf, stateRollouts } from "../../../src/loop/rollout/records.ts";

const AT = "2026-11-20T10:00:00.000Z";
const planOf = (...percents: number[]): RolloutPlan => ({
  steps: percents.map((percent) => ({ percent, minimumMs: 0 })),
  minimumCalls: 1,
  staging: null,
  deadlineMs: 1_000,
  atDeadline: "inconclusive",
  hookMs: 1_000,
  hookAttempts: 1,
});
const begun = (...percents: number[]) =>
  startRollout({ id: "r-1", target: "notes/a", candidate: "abc", plan: planOf(...percents) }, AT);

describe("rollouts on the state branch", () => {
  test("are read as they were written, one a target", async () => {
    const records = stateRollouts(openMemoryState());
    expect(await records.load("notes/a")).toBeUndefined();
    const rollout = begun(5, 50);
    await records.save(rollout);
    expect(await records.load("notes/a")).toEqual(rollout);
    expect(await records.load("notes")).toBeUndefined();
    const next = advance(rollout, { type: "done", detail: "" }, AT);
    await records.save(next);
    expect(await records.load("notes/a")).toEqual(next);
    await expect(records.save(next)).rejects.toMatchObject({ code: "conflict" });
  });

  test.each([
    ["is no JSON", "{"],
    ["lacks a member", JSON.stringify({ ...begun(5), plan: undefined })],
    ["has shares that fall", JSON.stringify(begun(50, 5))],
    ["has a share twice", JSON.stringify(begun(5, 5))],
  ])("one that %s is not followed, and not written over", async (_what, text) => {
    const state = openMemoryState();
    const path = pathOf("notes/a");
    await state.update("by hand", async () => ({ change: new Map([[path, text]]), value: undefined }));
    const refused = { code: "input_unreadable", message: expect.stringContaining(path) };
    await expect(stateRollouts(state).load("notes/a")).rejects.toMatchObject(refused);
    await expect(stateRollouts(state).save(begun(5))).rejects.toMatchObject(refused);
    expect(await (await state.view()).read(path)).toBe(text);
  });
});
