import { expect, test } from "@jest/globals";
import { openMemoryState } from "../../src/github/memory-state.ts";
import type { RuleAssignment } from "../../src/model/assignment.ts";
import { manualClock } from "../../src/model/time.ts";
import { narrowAssignment, readAssignments, recordAssignment } from "../../src/protect/assignments.ts";
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

const two: RuleAssignment = {
  ...assignment,
  findings: [],
  arms: [...assignment.arms, { rule: "cache-reads", version: 2, assigned: true, q: 0.7 }],
};

test("of a draw that was made before the evidence what had a part stays, as it was drawn, once", async () => {
  const state = openMemoryState();
  await recordAssignment(state, { assignment: two, entry: entry(1) }, manualClock());
  const narrowing = { run: "r-1", findings: assignment.findings, arms: assignment.arms, entry: entry(2) };
  await narrowAssignment(state, narrowing, manualClock());
  const { head } = await state.view();
  await narrowAssignment(state, narrowing, manualClock());
  const view = await state.view();
  expect(view.head).toBe(head);
  expect(await readAssignments(view, "notes")).toEqual([{ ...two, ...assignment }]);
  expect((await readLedger(view)).records).toHaveLength(2);
});

test("nothing is drawn anew: an arm that is not on record so is refused", async () => {
  const state = openMemoryState();
  await recordAssignment(state, { assignment: two, entry: entry(1) }, manualClock());
  const [first] = two.arms;
  for (const change of [{ assigned: true }, { q: 0.9 }, { version: 3 }, { rule: "another" }]) {
    const arms = first === undefined ? [] : [{ ...first, ...change }];
    const narrowed = narrowAssignment(state, { run: "r-1", findings: [], arms, entry: entry(2) }, manualClock());
    await expect(narrowed).rejects.toMatchObject({ code: "conflict" });
  }
  expect(await readAssignments(await state.view(), "notes")).toEqual([two]);
});

test("where nothing was drawn nothing is narrowed; what cannot be read is named", async () => {
  const state = openMemoryState();
  const nothing = { run: "r-1", findings: [], arms: [], entry: entry(1) };
  await narrowAssignment(state, nothing, manualClock());
  expect((await state.view()).head).toBeUndefined();
  await state.update("break", async () => ({ change: new Map([["assignments/r-1.json", "{"]]), value: undefined }));
  await expect(narrowAssignment(state, nothing, manualClock())).rejects.toMatchObject({ code: "ledger_broken" });
});
