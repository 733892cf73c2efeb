import { learnRules } from "../learn/rules.ts";
import type { Rule } from "../model/outcome.ts";
import type { Stage } from "../model/stage.ts";
import { formatInstant } from "../model/time.ts";
import { readCandidates, readOutcomes, recordCandidates } from "../protect/outcomes.ts";
import type { Workspace } from "../wire.ts";
import { ledgerEntry, type LoopRun } from "./run.ts";

/** What learning concluded. */
export type Learned = { readonly rules: readonly Rule[]; readonly explanation: readonly string[] };

/** Learns from every recorded outcome of the target and commits new or changed candidate rules. */
export async function learn(run: Pick<LoopRun, "id" | "actor" | "workspace">): Promise<Stage<Learned>> {
  const { workspace } = run;
  const learned = await conclude(workspace);
  const { rules } = learned;
  if (rules.length === 0) {
    return { verdict: "pass", reasons: ["nothing_learned"], summary: "no new rule", value: learned };
  }
  const act = { operation: "learn", decision: "allow", reasonCode: "candidate_learned", result: "candidate" } as const;
  const entries = rules.map((rule) => ledgerEntry(run, { ...act, parameters: rule }));
  await recordCandidates(workspace.state, { rules, entries }, workspace.clock);
  const names = rules.map((rule) => `${rule.id} (${rule.state})`).join(", ");
  return { verdict: "pass", reasons: ["candidate_learned"], summary: names, value: learned };
}

async function conclude({ state, clock, target, targetName }: Workspace): Promise<Learned> {
  const view = await state.view();
  return learnRules({
    outcomes: await readOutcomes(view, targetName),
    existing: await readCandidates(view),
    now: formatInstant(clock.now()),
    target: targetName,
    paths: target.source,
  });
}
