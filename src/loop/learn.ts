import { mineCells } from "../learn/cells.ts";
import { explainReview, PROMISE } from "../learn/explain.ts";
import { successMetrics } from "../learn/metrics.ts";
import { minePatterns } from "../learn/patterns.ts";
import { applyDue, reviewRules } from "../learn/review.ts";
import { learnRules } from "../learn/rules.ts";
import { trialsOf } from "../learn/trials.ts";
import type { ReasonCode } from "../model/codes.ts";
import { canonicalJson } from "../model/json.ts";
import type { LearningReport, RuleReview } from "../model/learning.ts";
import type { Outcome, Rule } from "../model/outcome.ts";
import type { Stage } from "../model/stage.ts";
import { formatInstant, parseInstant } from "../model/time.ts";
import { readAssignments } from "../protect/assignments.ts";
import { readCandidates, readOutcomes, recordCandidates } from "../protect/outcomes.ts";
import { ruleTokens } from "../session/arms.ts";
import { readRuleFiles } from "../session/rules.ts";
import type { Workspace } from "../wire.ts";
import { ledgerEntry, type LoopRun } from "./run.ts";

/**
 * Learns from every recorded outcome of the target: patterns, rules, what each rule is worth. New and changed rules go to
 * the state branch as candidates; rules in force change by a reviewed commit only. The rules are those of `worktree`, the
 * working tree when absent.
 * @throws WhetstoneError `config_invalid` for a rule file that cannot be used, `ledger_broken`
 */
export async function learn(
  run: Pick<LoopRun, "id" | "actor" | "workspace">,
  worktree?: string,
): Promise<Stage<LearningReport>> {
  const { workspace } = run;
  const concluded = await conclude(workspace, worktree);
  const { rules } = concluded;
  const reasonOf = (rule: Rule): ReasonCode => reasonFor(rule, concluded.reviews);
  const [reason = "nothing_learned", ...others] = [...new Set(rules.map(reasonOf))];
  const reasons = [reason, ...others] as const;
  const value: LearningReport = { ...concluded, reasons: [...reasons] };
  if (rules.length === 0) return { verdict: "pass", reasons, summary: "no new rule", value };
  const entries = rules.map((rule) => {
    const act = { operation: "learn", decision: "allow", result: rule.state } as const;
    return ledgerEntry(run, { ...act, reasonCode: reasonOf(rule), parameters: rule });
  });
  await recordCandidates(workspace.state, { rules, entries }, workspace.clock);
  const names = rules.map((rule) => `${rule.id} (${rule.state})`).join(", ");
  return { verdict: "pass", reasons, summary: names, value };
}

/** What is known, and which rules follow from it; writes nothing. */
export async function conclude(workspace: Workspace, worktree?: string): Promise<Omit<LearningReport, "reasons">> {
  const known = await readKnown(workspace, worktree);
  const { outcomes, existing, reviews, now } = known;
  const { target, targetName } = workspace;
  const settled = new Set(reviews.filter(isSettled).map(({ rule }) => rule));
  const sources = { outcomes, existing, now, target: targetName, paths: target.source, settled };
  const { rules: learned, explanation } = learnRules(sources);
  const changed = dueRules(known);
  const taken = new Set(changed.map(({ id }) => id));
  const rules = [...learned.filter(({ id }) => !taken.has(id)), ...changed];
  const latest = new Map([...existing.toReversed(), ...rules].map((rule) => [rule.id, rule]));
  return {
    schema: "whetstone.learning/1",
    target: targetName,
    outcomes: outcomes.length,
    patterns: minePatterns(outcomes),
    cells: mineCells(outcomes),
    reviews: [...reviews],
    rules,
    metrics: successMetrics({ outcomes, rules: [...latest.values()], now }),
    // Candidates have their line already, with what they were learned from.
    explanation: [
      ...explanation,
      ...reviews.filter(({ standing }) => standing !== "candidate").map(explainReview),
      ...(reviews.some(({ validated }) => validated !== undefined) ? [PROMISE] : []),
    ],
  };
}

/** What the repository and its state know about a target's rules. */
export type KnownRules = {
  readonly outcomes: readonly Outcome[];
  /** Rules of the working tree first, then candidates that are not in it, or in another form. */
  readonly existing: readonly Rule[];
  /** Candidates on the state branch that wait for a commit. */
  readonly candidates: readonly Rule[];
  /** Of every rule of the working tree, and of candidates beside them. */
  readonly reviews: readonly RuleReview[];
  /** RFC 3339. */
  readonly now: string;
};

/** Reads rules of a worktree (the working tree when absent), candidates, draws and outcomes of the workspace's target. */
export async function readKnown(
  { state, clock, targetName, root, config }: Workspace,
  worktree: string = root,
): Promise<KnownRules> {
  const view = await state.view();
  const now = formatInstant(clock.now());
  const outcomes = await readOutcomes(view, targetName);
  const assignments = await readAssignments(view, targetName);
  const files = (await readRuleFiles(worktree)).filter(({ scope }) => scope.target === targetName);
  const candidates = (await readCandidates(view)).filter(({ scope }) => scope.target === targetName);
  const { heldAfterDays, tokens } = config.learning;
  const inFiles = new Set(files.map(({ id }) => id));
  const beside = candidates.filter(({ id }) => !inFiles.has(id));
  const reviews = reviewRules({
    // What is not in a commit is in force nowhere.
    rules: [
      ...files,
      ...beside.map((rule): Rule => (rule.state === "active" ? { ...rule, state: "candidate" } : rule)),
    ],
    trials: trialsOf({ assignments, outcomes, now, heldAfterDays }),
    now,
    tokenBudget: tokens,
    tokensOf: ruleTokens,
  });
  return { outcomes, existing: [...files, ...candidates], candidates, reviews, now };
}

/** Rules of which the trial is over, whatever came of it. */
function isSettled({ standing, needs }: RuleReview): boolean {
  return standing !== "trial" && standing !== "candidate" && (standing !== "expired" || needs === undefined);
}

/** The rules that are to be retired or renewed, unless the state branch holds that change already. */
function dueRules({ existing, candidates, reviews, now }: KnownRules): Rule[] {
  return reviews.flatMap((review) => {
    const rule = existing.find(({ id }) => id === review.rule);
    const changed = rule && applyDue(rule, review, now);
    if (rule === undefined || changed === undefined) return [];
    const pending = candidates.find(({ id, version }) => id === rule.id && version === rule.version);
    return pending !== undefined && isSameChange(pending, changed, now) ? [] : [changed];
  });
}

function isSameChange(pending: Rule, changed: Rule, now: string): boolean {
  if (pending.state !== changed.state) return false;
  if (changed.state === "retired") return true;
  return canonicalJson(pending.scope) === canonicalJson(changed.scope) && isAfter(pending.expires, now);
}

function isAfter(a: string, b: string): boolean {
  return parseInstant(a, 0n) > parseInstant(b, 0n);
}

/** Why a rule is written to the state branch. */
function reasonFor({ id }: Rule, reviews: readonly RuleReview[]): ReasonCode {
  switch (reviews.find(({ rule }) => rule === id)?.due?.kind) {
    case "retire":
      return "rule_retired";
    case "renew":
      return "rule_renewed";
    case undefined:
      return "candidate_learned";
  }
}
