import { describe, expect, test } from "@jest/globals";
import { openMemoryState } from "../../src/github/memory-state.ts";
import { learn } from "../../src/loop/learn.ts";
import type { Outcome } from "../../src/model/outcome.ts";
import { manualClock } from "../../src/model/time.ts";
import { digestOf } from "../../src/protect/digest.ts";
import { readLedger, verifyLedger } from "../../src/protect/ledger.ts";
import { appendOutcome, readCandidates } from "../../src/protect/outcomes.ts";
import type { Workspace } from "../../src/wire.ts";
import { fingerprint, outcome } from "../learn/outcomes.ts";
import { ACTOR } from "./real-run.ts";

/** A run at its end, on a state with these outcomes. */
async function after(outcomes: readonly Outcome[]) {
  const state = openMemoryState();
  const clock = manualClock();
  for (const one of outcomes) await appendOutcome(state, { outcome: one, entries: [] }, clock);
  const target = { source: ["src/**"] };
  const workspace = { state, clock, target, targetName: "notes" } as unknown as Workspace;
  const ledger = async () => (await readLedger(await state.view())).records;
  return { run: { id: "r-1", actor: ACTOR, workspace }, state, ledger };
}

describe("learn", () => {
  test("has nothing to say without outcomes, and commits nothing", async () => {
    const { run, state } = await after([]);
    const result = await learn(run);
    expect(result).toMatchObject({ verdict: "pass", reasons: ["nothing_learned"], summary: "no new rule" });
    expect(result.value.explanation).toHaveLength(1);
    expect((await state.view()).head).toBeUndefined();
  });

  test("commits a candidate with its ledger record", async () => {
    const { run, state, ledger } = await after([outcome({ fingerprint: fingerprint(1) })]);
    const { verdict, reasons, value, summary } = await learn(run);
    expect([verdict, reasons]).toEqual(["pass", ["candidate_learned"]]);
    const [rule] = value.rules;
    expect(rule).toMatchObject({ state: "candidate", scope: { target: "notes", paths: ["src/**"] } });
    expect(summary).toBe(`${rule?.id} (candidate)`);
    expect(await readCandidates(await state.view())).toEqual(value.rules);
    expect(await ledger()).toMatchObject([
      { operation: "learn", reasonCode: "candidate_learned", run: "r-1", parametersDigest: digestOf(rule) },
    ]);
    expect(await verifyLedger(await state.view())).toMatchObject({ ok: true, records: 1 });
  });

  test("learns nothing twice from the same outcomes", async () => {
    const { run, state } = await after([outcome({ fingerprint: fingerprint(1) })]);
    await learn(run);
    const { head } = await state.view();
    const again = await learn(run);
    expect([again.reasons, again.value.rules]).toEqual([["nothing_learned"], []]);
    expect(again.value.explanation).toHaveLength(1);
    expect((await state.view()).head).toBe(head);
  });

  test("a second independent idea brings the rule into trial; every version is on record", async () => {
    const { run, state, ledger } = await after([outcome({ fingerprint: fingerprint(1) })]);
    await learn(run);
    const next = outcome({ fingerprint: fingerprint(2) });
    await appendOutcome(state, { outcome: next, entries: [] }, manualClock());
    const { value } = await learn(run);
    expect(value.rules.map((rule) => rule.state)).toEqual(["active"]);
    expect(await readCandidates(await state.view())).toEqual(value.rules);
    expect((await ledger()).map(({ operation }) => operation)).toEqual(["learn", "learn"]);
  });

  test("heeds the outcomes of its target only", async () => {
    const { run, state } = await after([outcome({ target: "files" })]);
    expect((await learn(run)).reasons).toEqual(["nothing_learned"]);
    expect(await readCandidates(await state.view())).toEqual([]);
  });

  test("does not learn past a record that it cannot read", async () => {
    const { run, state } = await after([outcome()]);
    const change = new Map([["outcomes/o-bad.json", "{"]]);
    await state.update("break", async () => ({ change, value: undefined }));
    await expect(learn(run)).rejects.toMatchObject({ code: "ledger_broken", data: { path: "outcomes/o-bad.json" } });
  });
});
