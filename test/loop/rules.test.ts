import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { LearningSettings } from "../../src/config/learning.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import { drawRules, type DrawRequest } from "../../src/loop/rules.ts";
import type { RuleAssignment } from "../../src/model/assignment.ts";
import type { Rule } from "../../src/model/outcome.ts";
import { formatInstant, manualClock } from "../../src/model/time.ts";
import { readAssignments } from "../../src/protect/assignments.ts";
import { readLedger } from "../../src/protect/ledger.ts";
import type { Workspace } from "../../src/wire.ts";
import { fingerprint, outcome } from "../learn/outcomes.ts";
import { rule } from "../learn/rules.ts";
import { evidence } from "../propose/parts.ts";
import { temporaryFolder } from "../support/git-repository.ts";
import { ACTOR } from "./real-run.ts";

const NOW = formatInstant(manualClock().now());

/** A run at its session, on a base commit with these rules; `history` are earlier files of the state. */
async function at(rules: readonly Rule[], history: ReadonlyMap<string, string> = new Map(), settings = {}) {
  const folder = await temporaryFolder();
  await mkdir(join(folder.path, "rules"));
  for (const one of rules) await writeFile(join(folder.path, "rules", `${one.id}.yaml`), JSON.stringify(one));
  const state = openMemoryState();
  if (history.size > 0) await state.update("history", async () => ({ change: history, value: undefined }));
  const config = { learning: LearningSettings.parse(settings) };
  const target = { source: ["src/**"] };
  const workspace = { state, clock: manualClock(), target, targetName: "notes", config } as unknown as Workspace;
  const draw = (id: string, change: Partial<DrawRequest> = {}) =>
    drawRules({ id, actor: ACTOR, workspace }, { worktree: folder.path, evidence, drawn: true, ...change });
  const assignments = async () => readAssignments(await state.view(), "notes");
  return { draw, state, assignments, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const soft = rule({ created: NOW });
const hard = rule({
  id: "keep-out",
  text: "Leave the secrets alone.",
  hard: { findings: [], paths: ["src/secrets/**"] },
});

/** 60 earlier sessions in which the rule was drawn and the share of proposals that passed was this with it, and without. */
function earlier(shares: { readonly shown: number; readonly heldOut: number }): Map<string, string> {
  const files = new Map<string, string>();
  for (let i = 0; i < 60; i += 1) {
    const assigned = i % 2 === 0;
    const assignment: RuleAssignment = {
      schema: "whetstone.assignment/1",
      run: `r-e${i}`,
      target: "notes",
      at: NOW,
      findings: ["n_plus_one"],
      arms: [{ rule: soft.id, version: 1, assigned, q: 0.5 }],
    };
    const validated = Math.floor(i / 2) < 30 * (assigned ? shares.shown : shares.heldOut);
    const ended = outcome({ id: `o-e${i}`, dossier: fingerprint(i + 1), validated });
    files.set(`assignments/r-e${i}.json`, JSON.stringify(assignment));
    files.set(`outcomes/o-e${i}.json`, JSON.stringify(ended));
  }
  return files;
}

describe("drawRules", () => {
  test("puts the draw on record before the session, with its probability, in the ledger too", async () => {
    await using run = await at([soft, hard]);
    const { arms, rules } = await run.draw("r-1");
    expect(arms).toEqual([
      { rule: "batch-reads", version: 1, assigned: rules.length === 2, q: 0.5 },
      { rule: "keep-out", version: 1, assigned: true, q: 1 },
    ]);
    expect(rules[0]).toEqual(hard);
    expect(await run.assignments()).toMatchObject([{ run: "r-1", at: NOW, findings: ["n_plus_one", "errors"], arms }]);
    const { records } = await readLedger(await run.state.view());
    expect(records).toMatchObject([
      { operation: "assign", run: "r-1", result: `${rules.length} of 2 rules shown`, actor: ACTOR },
    ]);
  });

  test("what the token budget had no room for is on record as not shown", async () => {
    await using run = await at([soft, { ...hard, text: "x ".repeat(200) }], new Map(), { tokens: 10 });
    expect((await run.draw("r-1")).arms).toMatchObject([{ rule: "keep-out" }]);
    expect(await run.assignments()).toEqual([]);
    const short = rule({ id: "short", text: "Ask once.", created: NOW });
    await using some = await at([soft, short], new Map(), { tokens: 10 });
    const { arms } = await some.draw("r-1");
    expect(arms).toMatchObject([{ rule: "short", q: 0.5 }]);
    expect(await some.assignments()).toMatchObject([{ arms, noRoom: [soft.id] }]);
  });

  test("a run that asks again gets the same, and is on record once", async () => {
    await using run = await at([soft]);
    const first = await run.draw("r-1");
    expect(await run.draw("r-1")).toEqual(first);
    expect(await run.assignments()).toHaveLength(1);
  });

  test("both arms are drawn over the runs", async () => {
    await using run = await at([soft]);
    const shown: number[] = [];
    for (let i = 0; i < 20; i += 1) shown.push((await run.draw(`r-${i}`)).rules.length);
    expect(new Set(shown)).toEqual(new Set([0, 1]));
  });

  test("what is measured steers the draw, within the hold-out", async () => {
    const q = async (shown: number, heldOut: number): Promise<number | undefined> => {
      await using run = await at([soft], earlier({ shown, heldOut }));
      return (await run.draw("r-1")).arms[0]?.q;
    };
    expect(await q(0.9, 0.3)).toBe(0.85);
    expect(await q(0.3, 0.9)).toBe(0.15);
    expect(await q(0.6, 0.6)).toBeCloseTo(0.5, 1);
  });

  test("a session that proves nothing sees every rule that applies, and nothing goes on record", async () => {
    await using run = await at([soft, hard]);
    const { rules, arms } = await run.draw("r-1", { drawn: false });
    expect(rules).toHaveLength(2);
    expect(arms.map((arm) => arm.q)).toEqual([1, 1]);
    expect((await run.state.view()).head).toBeUndefined();
  });

  test("such a session is spared what was measured to be more likely to harm than to help", async () => {
    const told = async (shown: number, heldOut: number) => {
      await using run = await at([soft], earlier({ shown, heldOut }));
      return (await run.draw("r-1", { drawn: false })).arms;
    };
    expect(await told(0.3, 0.9)).toMatchObject([{ assigned: false, q: 0 }]);
    expect(await told(0.9, 0.3)).toMatchObject([{ assigned: true, q: 1 }]);
  });

  test("hard rules alone are no draw, and no rules are nothing", async () => {
    await using one = await at([hard]);
    expect((await one.draw("r-1")).rules).toEqual([hard]);
    expect((await one.state.view()).head).toBeUndefined();
    await using none = await at([]);
    expect(await none.draw("r-1")).toEqual({ rules: [], arms: [] });
  });

  test("does not start on rules or records that cannot be used", async () => {
    await using twins = await at([soft, { ...soft, id: "twin" }]);
    await expect(twins.draw("r-1")).rejects.toMatchObject({ code: "config_invalid" });
    await using broken = await at([soft], new Map([["assignments/r-0.json", "{"]]));
    await expect(broken.draw("r-1")).rejects.toMatchObject({ code: "ledger_broken" });
    await using tampered = await at([soft]);
    await tampered.draw("r-1");
    const [path = ""] = await (await tampered.state.view()).list("ledger/");
    const text = ((await (await tampered.state.view()).read(path)) ?? "").replace("rules shown", "rules hidden");
    await tampered.state.update("break", async () => ({ change: new Map([[path, text]]), value: undefined }));
    await expect(tampered.draw("r-2")).rejects.toMatchObject({ code: "ledger_broken" });
    expect(await tampered.assignments()).toHaveLength(1);
  });
});
