import { describe, expect, test } from "@jest/globals";
import { recordLater } from "../../src/app/outcomes/record.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import { assertBacked, assertDrawn } from "../../src/loop/backed.ts";
import type { RuleAssignment } from "../../src/model/assignment.ts";
import type { LedgerEntry } from "../../src/model/ledger.ts";
import type { Outcome } from "../../src/model/outcome.ts";
import { manualClock } from "../../src/model/time.ts";
import { narrowAssignment, readAssignments, recordAssignment } from "../../src/protect/assignments.ts";
import { digestOf } from "../../src/protect/digest.ts";
import { appendOutcome, readOutcomes } from "../../src/protect/outcomes.ts";
import type { RecordedProposal } from "../../src/propose/recorded.ts";
import { endOf } from "../cli/learned-project.ts";
import { fingerprint, outcome } from "../learn/outcomes.ts";

const DRAWN: RuleAssignment = {
  schema: "whetstone.assignment/1",
  run: "r-1",
  target: "sample",
  at: "2026-11-20T10:00:00Z",
  findings: ["errors", "n_plus_one"],
  arms: [
    { rule: "a", version: 1, assigned: true, q: 0.5 },
    { rule: "b", version: 1, assigned: false, q: 0.3 },
  ],
};
const entryOf = (parameters: unknown): LedgerEntry => ({
  ...endOf("r-1", "rejected"),
  operation: "assign",
  parametersDigest: digestOf(parameters),
});

/** A state on which the draw is on record. */
async function drawn() {
  const [state, clock] = [openMemoryState(), manualClock()];
  await recordAssignment(state, { assignment: DRAWN, entry: entryOf(DRAWN) }, clock);
  const check = async (change: (found: RuleAssignment[]) => RuleAssignment[] = (found) => found) => {
    const view = await state.view();
    return await assertDrawn(view, { target: "sample", assignments: change(await readAssignments(view, "sample")) });
  };
  return { state, clock, check };
}

describe("assertDrawn", () => {
  test("a draw that is as it was recorded is believed; another q, another arm or a missing draw is not", async () => {
    const { check } = await drawn();
    await check();
    const altered = (arm: object) => (found: RuleAssignment[]) =>
      found.map((one) => ({ ...one, arms: one.arms.map((other) => ({ ...other, ...arm })) }));
    for (const change of [altered({ q: 0.9 }), altered({ assigned: true }), () => []]) {
      await expect(check(change)).rejects.toMatchObject({ code: "ledger_broken", data: { run: "r-1" } });
    }
  });

  test("one that was narrowed to what had a part in the session is believed as narrowed", async () => {
    const { check, state, clock } = await drawn();
    const facts = { run: "r-1", target: "sample", findings: ["errors" as const], arms: DRAWN.arms.slice(0, 1) };
    await narrowAssignment(state, { ...facts, entry: entryOf(facts) }, clock);
    await check();
    await expect(check(() => [DRAWN])).rejects.toMatchObject({ code: "ledger_broken" });
  });

  test("draws of other targets are of no concern", async () => {
    const { state } = await drawn();
    await assertDrawn(await state.view(), { target: "other", assignments: [] });
  });
});

describe("assertBacked", () => {
  const first = outcome({
    id: "o-1",
    target: "sample",
    status: "rejected",
    reasons: ["check_failed"],
    validated: false,
  });
  const later: Outcome = { ...first, id: "o-2", status: "closed", reasons: ["size_exceeded"] };

  async function recorded(then: Outcome) {
    const [state, clock] = [openMemoryState(), manualClock()];
    await appendOutcome(state, { outcome: first, entries: [endOf("r-1", "rejected", "check_failed")] }, clock);
    const entry = { ...endOf("r-2", then.status), operation: "record" };
    await appendOutcome(state, { outcome: then, entries: [entry] }, clock);
    return assertBacked(await state.view(), [first, then]);
  }

  test("what became of it on GitHub is told by a delivery, and found by its digest", async () => {
    const [state, clock] = [openMemoryState(), manualClock()];
    await appendOutcome(state, { outcome: first, entries: [endOf("r-1", "rejected", "check_failed")] }, clock);
    const key = "7-20261120T100000Z";
    const told = (status: Outcome["status"]): LedgerEntry => ({
      ...endOf("delivery-1", status),
      operation: "outcome",
      parametersDigest: digestOf({ dossier: first.dossier, status, key }),
    });
    const news: Outcome = { ...later, id: `o-1-rolled-back-${key}`, status: "rolled_back" };
    await appendOutcome(state, { outcome: news, entries: [told("rolled_back")] }, clock);
    await assertBacked(await state.view(), [first, news]);
    for (const change of [{ status: "held" as const }, { id: `${news.id}0` }, { dossier: fingerprint(777) }]) {
      const forged = [first, { ...news, ...change }];
      await expect(assertBacked(await state.view(), forged)).rejects.toMatchObject({ code: "ledger_broken" });
    }
  });

  test("so it is as the App itself records it", async () => {
    const [state, clock] = [openMemoryState(), manualClock()];
    await appendOutcome(state, { outcome: first, entries: [endOf("r-1", "rejected", "check_failed")] }, clock);
    const context = { repository: { state }, clock, event: { id: "delivery-1" }, log: () => undefined };
    const proposal = { target: "sample", dossier: first.dossier, origin: first, outcome: first };
    await recordLater(
      context as unknown as Parameters<typeof recordLater>[0],
      proposal as unknown as RecordedProposal,
      {
        status: "closed",
        reasons: ["size_exceeded"],
        by: { type: "person", id: "tester" },
        key: "7-20261120T100000Z",
        more: { note: "Too large." },
      },
    );
    const view = await state.view();
    const outcomes = await readOutcomes(view, "sample");
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(["rejected", "closed"]));
    await assertBacked(view, outcomes);
  });

  test("a later outcome may have reasons of its own; what was measured stays", async () => {
    await recorded(later);
    for (const change of [{ validated: true }, { fingerprint: fingerprint(999) }, { findings: ["errors" as const] }]) {
      await expect(recorded({ ...later, ...change })).rejects.toMatchObject({ code: "ledger_broken" });
    }
  });
});
