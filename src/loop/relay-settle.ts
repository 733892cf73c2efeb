import type { Amount } from "../model/budget.ts";
import type { StageResult } from "../model/dossier.ts";
import type { Evidence } from "../model/finding.ts";
import { narrowAssignment } from "../protect/assignments.ts";
import { openBudgetDesk } from "../session/budget/desk.ts";
import type { RelayOrder } from "./relay-order.ts";
import { drawRules } from "./rules.ts";
import { ledgerEntry, type LoopRun } from "./run.ts";

/** How the jobs ended that were to use what the gate set aside. */
export type RelayOutcome = {
  readonly order: RelayOrder;
  readonly stages: readonly Pick<StageResult, "stage">[];
  /** Name of the job that was lost on the way. */
  readonly lost: string | undefined;
  /** What the job `session` says that its session cost; absent when it said nothing. */
  readonly spent: Amount | "unknown" | undefined;
  readonly evidence: Evidence | undefined;
  /** Whether the session was refused before anybody was asked. */
  readonly refused: boolean;
};

/** Books what the session cost and leaves on record of the draw what had a part in it. Done again it changes nothing. */
export async function settleOrder(run: LoopRun, outcome: RelayOutcome): Promise<void> {
  const { state, clock, config } = run.workspace;
  const { order, stages, lost, refused } = outcome;
  const { budget } = order;
  const began = !refused && (lost === "session" || stages.some(({ stage }) => stage === "session"));
  if (budget !== null) {
    const { expiryMinutes, ...limits } = config.budgets;
    // A job that was lost may have spent all of it.
    const spent = began ? (outcome.spent ?? "unknown") : NOTHING;
    await openBudgetDesk({ state, clock, limits, expiryMinutes }).settle(budget, spent);
  }
  await settleDraw(run, outcome, began);
}

const NOTHING: Amount = { usd: 0, tokens: 0 };

/** The gate drew every rule that might apply; which did follows from the evidence, whatever became of the session. */
async function settleDraw(run: LoopRun, { order, evidence }: RelayOutcome, began: boolean): Promise<void> {
  const { asked, dryRun } = order;
  const { root, state, clock, targetName: target } = run.workspace;
  if (dryRun || asked.session?.kind !== "claude" || asked.mode !== "refinement") return;
  const hadPart = began && evidence !== undefined;
  const { arms } = hadPart ? await drawRules(run, { worktree: root, evidence, drawn: false }) : { arms: [] };
  const findings = hadPart ? [...new Set(evidence.findings.map(({ kind }) => kind))] : [];
  const facts = { run: run.id, target, findings, arms: [...arms] };
  const result = `${arms.length} rules had a part in the session`;
  const act = { operation: "assign", decision: "none", reasonCode: "ok", result, parameters: facts } as const;
  await narrowAssignment(state, { ...facts, entry: ledgerEntry(run, act) }, clock);
}
