import { showProbability, standingOf } from "../learn/decide.ts";
import { measureEffects, type RuleEffect } from "../learn/effect.ts";
import { trialsOf } from "../learn/trials.ts";
import type { Arm, RuleAssignment } from "../model/assignment.ts";
import type { Evidence } from "../model/finding.ts";
import type { Rule } from "../model/outcome.ts";
import { formatInstant } from "../model/time.ts";
import { readAssignments, recordAssignment } from "../protect/assignments.ts";
import { readOutcomes } from "../protect/outcomes.ts";
import { type RuleDraw, rulesInForce } from "../session/arms.ts";
import { readRules } from "../session/rules.ts";
import { ledgerEntry, type LoopRun } from "./run.ts";

/** What a session's rules are drawn for. */
export type DrawRequest = {
  /** A worktree of the base commit. */
  readonly worktree: string;
  /** Absent where the draw has to be on record before anything is measured: then of every rule that may apply. */
  readonly evidence?: Evidence;
  /** Whether the answer will be judged and that goes on record: only then does a draw measure anything. */
  readonly drawn: boolean;
};

/** The rules that the session sees, and what was drawn. */
export type DrawnRules = { readonly rules: readonly Rule[]; readonly arms: readonly Arm[] };

/**
 * Draws the rules of the base commit for one session, by what was measured of them so far, and puts the draw on record
 * before the session starts. A session of which nothing is learned sees every rule that applies, but for those that were
 * measured and are more likely to harm than to help. A run draws once: what is on record of it stands.
 * @throws WhetstoneError `config_invalid` for rules that cannot be used; `ledger_broken`
 */
export async function drawRules(
  run: Pick<LoopRun, "id" | "actor" | "workspace">,
  request: DrawRequest,
): Promise<DrawnRules> {
  const { clock, target, targetName, config } = run.workspace;
  const { evidence, drawn } = request;
  const now = formatInstant(clock.now());
  const rules = await readRules(request.worktree, { target: targetName, now });
  if (rules.length === 0) return { rules: [], arms: [] };
  const findings = evidence?.findings.map(({ kind }) => kind) ?? [];
  const { holdOut, tokens } = config.learning;
  const q = await probabilities(run, { now, rules, of: (effect) => probabilityOf(effect, { drawn, holdOut }) });
  const known = evidence
    ? { ...scopeOf(evidence), tokenBudget: tokens }
    : { ...anyScope(rules), tokenBudget: Infinity };
  const scope = { target: targetName, paths: target.source, ...known };
  const { rules: shown, arms, leftOut } = rulesInForce({ ...scope, seed: run.id, rules, now, q });
  if (drawn && arms.some((arm) => arm.q < 1)) {
    const kinds = [...new Set(findings)];
    const noRoom = leftOut.filter(({ why }) => why === "budget").map(({ rule }) => rule);
    const beside = noRoom.length === 0 ? {} : { noRoom };
    await putOnRecord(run, { at: now, findings: kinds, arms: [...arms], ...beside });
  }
  return { rules: shown, arms };
}

function scopeOf({ findings }: Evidence): Pick<RuleDraw, "findings" | "tools"> {
  return { findings: findings.map(({ kind }) => kind), tools: findings.map(({ operation }) => operation) };
}

function anyScope(rules: readonly Rule[]): Pick<RuleDraw, "findings" | "tools"> {
  return {
    findings: rules.flatMap(({ scope }) => scope.findings),
    tools: rules.flatMap(({ scope }) => scope.tools ?? []),
  };
}

type Chosen = { readonly drawn: boolean; readonly holdOut: number };

function probabilityOf(effect: RuleEffect | undefined, { drawn, holdOut }: Chosen): number {
  if (drawn) return showProbability(effect, holdOut);
  return effect !== undefined && standingOf(effect).kind !== "trial" && effect.helps < 0.5 ? 0 : 1;
}

type Measured = {
  readonly now: string;
  readonly rules: readonly Rule[];
  readonly of: (effect: RuleEffect | undefined) => number;
};

/** How probable each rule is to be shown, from the sessions so far. */
async function probabilities(
  { workspace, id }: Pick<LoopRun, "id" | "workspace">,
  { now, rules, of }: Measured,
): Promise<Map<string, number>> {
  const { state, targetName, config } = workspace;
  const view = await state.view();
  const assignments = await readAssignments(view, targetName);
  const own = assignments.find(({ run }) => run === id);
  if (own !== undefined) return new Map(own.arms.map(({ rule, q }) => [rule, q]));
  const trials = trialsOf({
    assignments,
    outcomes: await readOutcomes(view, targetName),
    now,
    heldAfterDays: config.learning.heldAfterDays,
  });
  const effects = measureEffects(trials);
  return new Map(
    rules.map(({ id: rule, version }) => {
      const effect = effects.find((one) => one.rule === rule && one.version === version);
      return [rule, of(effect)];
    }),
  );
}

type Drawn = Omit<RuleAssignment, "schema" | "run" | "target">;

async function putOnRecord(run: Pick<LoopRun, "id" | "actor" | "workspace">, drawn: Drawn): Promise<void> {
  const { state, clock, targetName } = run.workspace;
  const assignment = { schema: "whetstone.assignment/1", run: run.id, target: targetName, ...drawn } as const;
  const shown = drawn.arms.filter(({ assigned }) => assigned).length;
  const result = `${shown} of ${drawn.arms.length} rules shown`;
  const act = { operation: "assign", decision: "none", reasonCode: "ok", result, parameters: assignment } as const;
  await recordAssignment(state, { assignment, entry: ledgerEntry(run, act) }, clock);
}
