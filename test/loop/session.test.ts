import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { LearningSettings } from "../../src/config/learning.ts";
import { openMemoryState } from "../../src/github/memory-state.ts";
import { session } from "../../src/loop/session.ts";
import type { Rule } from "../../src/model/outcome.ts";
import type { ContextAccount } from "../../src/model/context.ts";
import { manualClock } from "../../src/model/time.ts";
import { sha256 } from "../../src/protect/digest.ts";
import { appendOutcome } from "../../src/protect/outcomes.ts";
import { memoryRunner } from "../../src/session/memory.ts";
import type { Workspace } from "../../src/wire.ts";
import { outcome } from "../learn/outcomes.ts";
import { rule } from "../learn/rules.ts";
import { ACTOR } from "./real-run.ts";
import { BASE, evidence, PATCH, session as answered } from "../propose/parts.ts";
import { temporaryFolder } from "../support/git-repository.ts";

const RULE = rule({
  id: "share-reads",
  text: "Share what calls have in common.",
  created: "2023-11-01T00:00:00.000Z",
  expires: "2024-02-01T00:00:00.000Z",
});

/** A run that comes to its session, on a base commit with these rules. */
async function arrived(rules: readonly Rule[] = []) {
  const folder = await temporaryFolder();
  await mkdir(join(folder.path, "rules"));
  for (const one of rules) await writeFile(join(folder.path, "rules", `${one.id}.yaml`), JSON.stringify(one));
  const state = openMemoryState();
  const target = { source: ["src/**"] };
  const config = { learning: { ...LearningSettings.parse({}), holdOut: 0.5 } };
  const workspace = { state, clock: manualClock(), target, targetName: "notes", config } as unknown as Workspace;
  const runner = memoryRunner(() => answered);
  const run = { id: "r-0", actor: ACTOR, workspace, files: new Map<string, string | Uint8Array>() };
  const base = { worktree: folder.path, sha: BASE };
  const ask = (change: { record?: boolean } = {}) => session(run, { runner, base, evidence, ...change });
  return {
    run,
    state,
    runner,
    config,
    ask,
    folder: folder.path,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

describe("session", () => {
  test("asks once, about the base, and binds the answer to it", async () => {
    await using at = await arrived();
    const { verdict, value } = await at.ask();
    expect(verdict).toBe("pass");
    expect(value.proposal).toMatchObject({ baseSha: BASE, target: "notes", answer: { patch: PATCH } });
    expect(at.runner.requests).toHaveLength(1);
    expect(at.runner.requests[0]).toMatchObject({ mode: "refinement", target: "notes", baseSha: BASE, evidence });
    expect(at.run.files.get("session/context.md")).toBe(at.runner.requests[0]?.context);
  });

  test("sees the rules of the base commit that are in force by the run's clock", async () => {
    const late = { ...RULE, id: "late", text: "Too late.", expires: "2023-11-10T00:00:00.000Z" };
    const candidate = { ...RULE, id: "candidate", text: "Not yet.", state: "candidate" } as const;
    await using at = await arrived([RULE, late, candidate]);
    await at.ask();
    expect(at.runner.requests[0]?.rules).toEqual([RULE]);
    expect(at.runner.requests[0]?.context).toContain(RULE.text);
    expect(at.runner.requests[0]?.context).not.toMatch(/Too late|Not yet/);
  });

  test("is told earlier outcomes of the target, the newest first", async () => {
    await using at = await arrived();
    const times = ["2023-11-01T00:00:00Z", "2023-11-03T00:00:00Z", "2023-11-02T00:00:00Z"];
    for (const time of times) {
      const entry = { outcome: outcome({ at: time, status: "rejected" }), entries: [] };
      await appendOutcome(at.state, entry, manualClock());
    }
    await appendOutcome(at.state, { outcome: outcome({ target: "files" }), entries: [] }, manualClock());
    await at.ask();
    const told = [...(at.runner.requests[0]?.context ?? "").matchAll(/"at":"([\d-]{10}).*"part":"outcome"/g)];
    expect(told.map(([, day]) => day)).toEqual(["2023-11-03", "2023-11-02", "2023-11-01"]);
  });

  test("is told what the project's CLAUDE.md says for the mode, and what earlier sessions on the target left", async () => {
    await using at = await arrived();
    await writeFile(
      join(at.folder, "CLAUDE.md"),
      "# Us\n\n## Analysis\nLook only.\n\n## Refinement\nMend one thing.\n",
    );
    const earlier = { ...answered, summary: "The cache was no help." };
    const sessions = { ...earlier, target: "files", summary: "Of another target." };
    const change = new Map([
      ["sessions/r-1.json", JSON.stringify(earlier)],
      ["sessions/r-2.json", JSON.stringify(sessions)],
    ]);
    await at.state.update("earlier", async () => ({ change, value: undefined }));
    await at.ask();
    const context = at.runner.requests[0]?.context ?? "";
    expect(context).toContain("Mend one thing.");
    expect(context).toContain("The cache was no help.");
    expect(context).not.toMatch(/Look only|Of another target/);
    const account = JSON.parse(String(at.run.files.get("session/context.json"))) as ContextAccount;
    expect(account.digest).toBe(sha256(context));
  });

  test("is told every rule that is on record as shown, however many tokens that takes", async () => {
    const forbids = { findings: [], paths: ["src/secrets/**"] };
    const long = Array.from({ length: 30 }, (_, i) => {
      const constraint = i % 3 === 0 ? { hard: forbids } : {};
      // Words of their own: rules that say the same are refused.
      const text = Array.from({ length: 50 }, (_unused, j) => `w${i}x${j}`).join(" ");
      return { ...RULE, ...constraint, id: `long-${i}`, text: text.slice(0, 400) };
    });
    await using at = await arrived(long);
    at.config.learning = { ...at.config.learning, tokens: 5_000 };
    const { value } = await at.ask({ record: true });
    const told = at.runner.requests[0]?.context ?? "";
    const saidToBe = value.record.arms.filter(({ assigned }) => assigned).map((arm) => arm.rule);
    const seen = long.filter(({ text }) => told.includes(text)).map(({ id }) => id);
    expect(seen.toSorted()).toEqual(saidToBe.toSorted());
    // More than ten constraints and more than the usual 2,000 tokens.
    expect(seen.length).toBeGreaterThan(15);
    const account = JSON.parse(String(at.run.files.get("session/context.json"))) as ContextAccount;
    expect(account.parts.find(({ part }) => part === "rules")).toMatchObject({ kept: seen.length, dropped: 0 });
  });

  test("does not start on rules or outcomes that cannot be read", async () => {
    await using bad = await arrived([{ ...RULE, id: "bad", text: "" }]);
    await expect(bad.ask()).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("bad.yaml"),
    });
    await using at = await arrived();
    const change = new Map([["outcomes/o.json", "{"]]);
    await at.state.update("break", async () => ({ change, value: undefined }));
    await expect(at.ask()).rejects.toMatchObject({ code: "ledger_broken" });
    expect([bad.runner.requests, at.runner.requests]).toEqual([[], []]);
  });
});
