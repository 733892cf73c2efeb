import { expect, test } from "@jest/globals";
import { openMemoryState } from "../../src/github/memory-state.ts";
import type { RuleAssignment } from "../../src/model/assignment.ts";
import { manualClock } from "../../src/model/time.ts";
import { readAssignments, recordAssignment } from "../../src/protect/assignments.ts";
import { readLedger, verifyLedger } from "../../src/protect/ledger.ts";
import { entry } from "./ledger-entries.ts";

const assignment: RuleAssignment = {
  schema: "whetstone.assignment/1",
  run: "r-1",
  target: "notes",
  at: "2026-11-20T10:00:00.000Z",
  findings: ["n_plus_one"],
  arms: [{ rule: "batch-reads", version: 1, assigned: false, q: 0.5 }],
};

test("an assignment and its ledger record are one commit, and read back", async () => {
  const state = openMemoryState();
  await recordAssignment(state, { assignment, entry: entry(1) }, manualClock());
  const other = { ...assignment, run: "r-2", target: "files" };
  await recordAssignment(state, { assignment: other, entry: entry(2) }, manualClock());
  const view = await state.view();
  expect(await readAssignments(view, "notes")).toEqual([assignment]);
  expect(await verifyLedger(view)).toMatchObject({ ok: true, records: 2 });
});

test("a run draws once: what is on record stays, and a second draw leaves no trace", async () => {
  const state = openMemoryState();
  await recordAssignment(state, { assignment, entry: entry(1) }, manualClock());
  const { head } = await state.view();
  const again = { ...assignment, arms: assignment.arms.map((arm) => ({ ...arm, assigned: true })) };
  await recordAssignment(state, { assignment: again, entry: entry(2) }, manualClock());
  const view = await state.view();
  expect(view.head).toBe(head);
  expect(await readAssignments(view, "notes")).toEqual([assignment]);
  expect((await readLedger(view)).records).toHaveLength(1);
});

test.each([["{"], ['{"schema":"whetstone.assignment/2"}'], [JSON.stringify({ ...assignment, extra: 1 })]])(
  "what cannot be read is named, never skipped: %s",
  async (text) => {
    const state = openMemoryState();
    const change = new Map([["assignments/r-9.json", text]]);
    await state.update("break", async () => ({ change, value: undefined }));
    await expect(readAssignments(await state.view(), "notes")).rejects.toMatchObject({
      code: "ledger_broken",
      data: { path: "assignments/r-9.json" },
    });
  },
);
