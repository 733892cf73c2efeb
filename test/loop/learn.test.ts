import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { LearningSettings } from "../../src/config/learning.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import { learn } from "../../src/loop/learn.ts";
import type { RuleAssignment } from "../../src/model/assignment.ts";
import { LearningReport } from "../../src/model/learning.ts";
import type { Outcome, Rule } from "../../src/model/outcome.ts";
import { formatInstant, manualClock } from "../../src/model/time.ts";
import { digestOf } from "../../src/protect/digest.ts";
import { readLedger, verifyLedger } from "../../src/protect/ledger.ts";
import { appendOutcome, readCandidates } from "../../src/protect/outcomes.ts";
import type { Workspace } from "../../src/wire.ts";
import { fingerprint, outcome } from "../learn/outcomes.ts";
import { rule } from "../learn/rules.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { ACTOR } from "./real-run.ts";

const onTestEnd: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of onTestEnd.splice(0)) await end();
});

/** A run at its end, on a state with these outcomes, in a repository with these rules. */
async function after(outcomes: readonly Outcome[], rules: readonly Rule[] = []) {
  const folder = await temporaryFolder();
  onTestEnd.push(async () => await folder[Symbol.asyncDispose]());
  await mkdir(join(folder.path, "rules"));
  for (const one of rules) await writeFile(join(folder.path, "rules", `${one.id}.yaml`), JSON.stringify(one));
  const state = openMemoryState();
  const clock = manualClock();
  for (const one of outcomes) await appendOutcome(state, { outcome: one, entries: [] }, clock);
  const target = { source: ["src/**"] };
  const config = { learning: LearningSettings.parse({ tokens: 100 }) };
  const workspace = { state, clock, target, targetName: "notes", config, root: folder.path } as unknown as Workspace;
  const ledger = async () => (await readLedger(await state.view())).records;
  return { run: { id: "r-1", actor: ACTOR, workspace }, state, ledger, clock };
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

describe("rules in force", () => {
  const day = 86_400_000;
  const start = formatInstant(manualClock().now());
  const soft = rule({ created: start, expires: formatInstant(manualClock().now() + 90n * 86_400_000_000_000n) });

  /** A state in which `soft` was drawn for 80 sessions, of which these shares passed validation with it and without. */
  async function measured(shares: { readonly shown: number; readonly heldOut: number }, rules = [soft]) {
    const at = await after([], rules);
    const files = new Map<string, string>();
    for (let i = 0; i < 80; i += 1) {
      const assigned = i % 2 === 0;
      const validated = Math.floor(i / 2) < 40 * (assigned ? shares.shown : shares.heldOut);
      const drawn: RuleAssignment = {
        schema: "whetstone.assignment/1",
        run: `r-e${i}`,
        target: "notes",
        at: start,
        findings: ["n_plus_one"],
        arms: [{ rule: soft.id, version: 1, assigned, q: 0.5 }],
      };
      const ended = outcome({ id: `o-e${i}`, status: "no_change", validated, dossier: fingerprint(i + 1) });
      files.set(`assignments/r-e${i}.json`, JSON.stringify(drawn));
      files.set(`outcomes/o-e${i}.json`, JSON.stringify(ended));
    }
    await at.state.update("history", async () => ({ change: files, value: undefined }));
    return at;
  }

  test("one that harms is retired: a candidate with the numbers, once, with its ledger record", async () => {
    const { run, state, ledger } = await measured({ shown: 0.3, heldOut: 0.9 });
    const { reasons, value } = await learn(run);
    expect(reasons).toEqual(["rule_retired"]);
    expect(LearningReport.parse(value)).toEqual(value);
    expect(value.reviews).toMatchObject([
      { rule: soft.id, standing: "useless", due: { kind: "retire", why: "effect" } },
    ]);
    expect(value.rules).toMatchObject([
      {
        id: soft.id,
        version: 1,
        state: "retired",
        retired: { at: start, why: expect.stringMatching(/^effect: P\(effect > 0\) = 0\.0/) },
        effect: { trials: 80, delta: expect.any(Number) },
      },
    ]);
    expect(await ledger()).toMatchObject([{ operation: "learn", reasonCode: "rule_retired", result: "retired" }]);
    expect((await learn(run)).reasons).toEqual(["nothing_learned"]);
    expect(await readCandidates(await state.view())).toHaveLength(1);
  });

  test("one that helps stays, and is renewed at the end of its time; the explanation has its numbers", async () => {
    const { run, clock } = await measured({ shown: 0.9, heldOut: 0.3 });
    const before = await learn(run);
    expect(before.value).toMatchObject({ rules: [], reviews: [{ standing: "helps" }] });
    expect(before.value.explanation.at(-1)).toMatch(/^An e-value of 20 shows what it is for, however often one looks/);
    expect(before.value.explanation.at(-2)).toMatch(
      /^Rule batch-reads \(version 1\) helps: 36 of 40 passed validation with it, 12 of 40 without; effect \+\d+ points \(90 % \+\d+ to \+\d+\), P\(effect > 0\) = 1\.00, e-values over 1000 that it helps/,
    );
    clock.advance(90 * day);
    const { reasons, value } = await learn(run);
    expect(reasons).toEqual(["rule_renewed"]);
    expect(value.rules).toMatchObject([
      { state: "active", version: 1, expires: formatInstant(clock.now() + 90n * 86_400_000_000_000n) },
    ]);
    clock.advance(day);
    expect((await learn(run)).reasons).toEqual(["nothing_learned"]);
  });

  test("one that nobody saw yet says so, and how many sessions it takes", async () => {
    const { run } = await after([], [soft]);
    const { value } = await learn(run);
    expect(value.reviews).toMatchObject([{ standing: "trial", needs: 40 }]);
    expect(value.explanation.at(-1)).toContain("in trial: not measured yet. About 40 more sessions");
  });

  test("constraints of people are neither measured nor retired, and one of them can leave no room for advice", async () => {
    const hard = rule({
      id: "keep-out",
      text: "x".repeat(190),
      hard: { findings: [], paths: [] },
      expires: "2031-01-01T00:00:00Z",
    });
    const { run } = await measured({ shown: 0.6, heldOut: 0.6 }, [hard, soft]);
    const { value } = await learn(run);
    expect(value.reviews.map(({ rule: id, standing, due }) => [id, standing, due?.why])).toEqual([
      ["batch-reads", "undecided", "budget"],
      ["keep-out", "hard", undefined],
    ]);
    expect(value.rules.map(({ id, state }) => [id, state])).toEqual([["batch-reads", "retired"]]);
  });

  test("a rule file that cannot be used stops learning, by name", async () => {
    const { run, state } = await after([outcome()], [soft, { ...soft, id: "twin" }]);
    await expect(learn(run)).rejects.toMatchObject({ code: "config_invalid" });
    expect(await readCandidates(await state.view())).toEqual([]);
  });
});
