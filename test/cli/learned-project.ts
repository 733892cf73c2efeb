import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { openGitState } from "../../src/github/git-state.ts";
import type { StateStore } from "../../src/github/state-port.ts";
import type { RuleAssignment } from "../../src/model/assignment.ts";
import type { ReasonCode } from "../../src/model/codes.ts";
import type { LedgerEntry } from "../../src/model/ledger.ts";
import type { Outcome, Rule } from "../../src/model/outcome.ts";
import { formatInstant } from "../../src/model/time.ts";
import { digestOf } from "../../src/protect/digest.ts";
import { planLedger } from "../../src/protect/ledger.ts";
import { systemClock } from "../../src/wire.ts";
import { fingerprint, outcome } from "../learn/outcomes.ts";
import { rule } from "../learn/rules.ts";
import { sampleProject, type SampleProject } from "../support/sample-project.ts";
import { bufferIo } from "./buffer-io.ts";

/** The sample project with rules and a history of sessions, and the command line in it. */
export type LearnedProject = SampleProject & {
  readonly state: StateStore;
  readonly cli: (...args: string[]) => Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
  readonly fileAt: (branch: string, path: string) => string;
};

/** A rule of the sample project. */
export const sampleRule = (change: Partial<Rule> = {}): Rule =>
  rule({
    id: "keep-order",
    text: "Keep the order of results.",
    scope: { target: "sample", findings: ["slow_operation"], paths: ["src/**"] },
    created: "2026-11-01T00:00:00.000Z",
    expires: "2099-01-01T00:00:00.000Z",
    ...change,
  });

export const HISTORY = 60;

/**
 * A project whose rule was drawn for 60 sessions: with it 20 of 30 proposals passed validation, without it 10 of 30. Ten of
 * the outcomes were promoted, the others rejected for results that changed.
 */
export async function learnedProject(rules: readonly Rule[] = [sampleRule()]): Promise<LearnedProject> {
  const project = await sampleProject();
  for (const one of rules) await project.write(`rules/${one.id}.yaml`, `# why it is here\n${JSON.stringify(one)}\n`);
  await project.write("CLAUDE.md", "# How we work\n\nBe careful.\n");
  project.commit("rules");
  const state = openGitState({ cwd: project.root, now: systemClock.now });
  await state.update("history", async (view) => {
    const { files, entries } = history();
    return {
      change: new Map([...files, ...(await planLedger(view, entries, { clock: systemClock })).change]),
      value: undefined,
    };
  });
  const cli: LearnedProject["cli"] = async (...args) => {
    const { io, out, err } = bufferIo({ cwd: project.root });
    const code = await main(args, io);
    return { code, out: out(), err: err() };
  };
  return { ...project, state, cli, fileAt: (branch, path) => `${project.git("show", `${branch}:${path}`)}\n` };
}

function history(): { files: Map<string, string>; entries: LedgerEntry[] } {
  const files = new Map<string, string>();
  const entries: LedgerEntry[] = [];
  const at = formatInstant(systemClock.now() - 86_400_000_000_000n);
  for (let i = 0; i < HISTORY; i += 1) {
    const assigned = i % 2 === 0;
    const nth = Math.floor(i / 2);
    const isPromoted = assigned && nth < 10;
    const ended: Outcome = outcome({
      id: `o-h${i}`,
      at,
      target: "sample",
      status: isPromoted ? "promoted" : "rejected",
      reasons: [isPromoted ? "errors_within_margin" : "replay_result_changed"],
      findings: ["slow_operation"],
      paths: ["src/work.mjs"],
      validated: nth < (assigned ? 20 : 10),
      change: "cache",
      costUsd: 0.25,
      dossier: fingerprint(i + 1),
    });
    const drawn: RuleAssignment = {
      schema: "whetstone.assignment/1",
      run: `r-h${i}`,
      target: "sample",
      at,
      findings: ["slow_operation"],
      arms: [{ rule: "keep-order", version: 1, assigned, q: 0.5 }],
    };
    files.set(`outcomes/${ended.id}.json`, JSON.stringify(ended));
    files.set(`assignments/r-h${i}.json`, JSON.stringify(drawn));
    const passed = ended.validated === true;
    entries.push({ ...endOf(drawn.run, "rejected"), operation: "assign", parametersDigest: digestOf(drawn) });
    entries.push(validationOf(drawn.run, passed), endOf(drawn.run, ended.status, ended.reasons[0]));
  }
  return { files, entries };
}

/** The ledger's word on the validation of a run's change. */
function validationOf(run: string, passed: boolean): LedgerEntry {
  const reasonCode = passed ? "ok" : "replay_result_changed";
  const result = passed ? "pass" : "fail";
  return { ...endOf(run, "rejected"), operation: "validate", decision: passed ? "allow" : "deny", reasonCode, result };
}

/** The ledger's word on a run's outcome. */
export function endOf(run: string, result: Outcome["status"], reasonCode: ReasonCode = "recorded"): LedgerEntry {
  return {
    actor: { type: "person", id: "tester" },
    operation: "loop.end",
    target: "sample",
    decision: "none",
    reasonCode,
    result,
    parametersDigest: fingerprint(1),
    run,
  };
}

/** A file of the working tree. */
export function readTree(project: Pick<SampleProject, "root">, path: string): Promise<string> {
  return readFile(join(project.root, path), "utf8");
}
