import { DossierManifest, type StageResult } from "../../model/dossier.ts";
import { Outcome } from "../../model/outcome.ts";
import type { PullValidation } from "../../model/pull-change.ts";
import { readRecords } from "../../protect/outcomes.ts";
import { readPullValidation } from "../../protect/pull-validations.ts";
import { formatNumber } from "../../propose/report.ts";
import { gatesOfPull, gatesOn } from "../gate/record.ts";
import { showGate } from "../gate/show.ts";
import { proposalOfPull, type PullProposal } from "../outcomes/proposal.ts";
import { cell, markdownTable } from "../page-text.ts";
import type { RepositoryAccess } from "../repository.ts";
import { pullValidationView } from "./pull-validation.ts";
import { showStage, type StageState, type StageView } from "./stage-check.ts";

/** What is known about a proposal when its stages are shown. */
export type StageFacts = {
  readonly proposal: Omit<PullProposal, "pull" | "patch"> & {
    readonly pull: Pick<PullProposal["pull"], "number" | "headSha" | "merged">;
  };
  /** Stages of the run that made it, where its manifest is on record. */
  readonly stages: readonly StageResult[];
  /** Who besides Whetstone wrote commits of the branch. */
  readonly others: readonly string[];
  /** What the last run found that a comment asked for. */
  readonly proved?: PullValidation;
};

/** The stages that a proposal's records tell of; the others have writers of their own (review, canary). */
export function stagesOf(facts: StageFacts): readonly StageView[] {
  const { outcome } = facts.proposal;
  return [analysis(facts), validation(facts), ...(isOver(outcome) ? [held(facts)] : [])];
}

function base({ proposal: { pull } }: StageFacts): Pick<StageView, "sha" | "about"> {
  return { sha: pull.headSha, about: `pull/${pull.number}` };
}

function analysis(facts: StageFacts): StageView {
  const { outcome, hypothesis, target } = facts.proposal;
  const expected =
    hypothesis === undefined
      ? ""
      : `Expected: ${hypothesis.metric} of ${cell(hypothesis.operation)} to ${hypothesis.direction} by ${formatNumber(100 * Math.abs(hypothesis.expectedChange))} %.`;
  const found = outcome.findings.length === 0 ? "no finding" : [...new Set(outcome.findings)].join(", ");
  const parts = [`Findings of ${cell(target)} that the change answers: ${found}.`, expected];
  return {
    ...base(facts),
    stage: "analysis",
    state: "success",
    title: found,
    summary: parts.filter((part) => part !== "").join("\n\n"),
    annotations: outcome.paths.map((path) => ({
      path,
      startLine: 1,
      endLine: 1,
      level: "notice",
      title: "Whetstone",
      message: `Changed for ${found}.`,
    })),
    buttons: ["approve-refinement"],
  };
}

/**
 * What people have changed since was not validated, and is not said to be: nor may it pass where the check is required, as what
 * is neutral does.
 */
function validation(facts: StageFacts): StageView {
  const { stages, others, proved } = facts;
  if (proved?.headSha === facts.proposal.pull.headSha) return pullValidationView(proved);
  const { outcome } = facts.proposal;
  const rows = stages.map(({ stage, verdict, reasons, summary }) => [
    stage,
    verdict,
    reasons.join(", "),
    cell(summary),
  ]);
  const table = rows.length === 0 ? "The manifest of the run is not on record." : markdownTable(HEAD, rows);
  const edited = `Commits of ${others.map(cell).join(", ")} came after the validation; what they changed was not measured.`;
  const isEdited = others.length > 0;
  const passed = outcome.validated === true || outcome.status === "proposed";
  return {
    ...base(facts),
    stage: "validation",
    state: isEdited ? "action_required" : passed ? "success" : "failure",
    title: isEdited ? "Changed since it was validated" : passed ? "Every stage passed" : outcome.reasons.join(", "),
    summary: isEdited ? `${edited}\n\n${table}` : table,
  };
}

const HEAD = ["stage", "verdict", "reasons", "what was found"] as const;

const ENDS: Partial<Record<Outcome["status"], StageState>> = {
  promoted: "in_progress",
  held: "success",
  faded: "failure",
  rolled_back: "failure",
};

function isOver({ status }: Outcome): boolean {
  return ENDS[status] !== undefined;
}

function held(facts: StageFacts): StageView {
  const { outcome, pull } = facts.proposal;
  return {
    ...base(facts),
    stage: "held",
    state: ENDS[outcome.status] ?? "neutral",
    title: outcome.status.replaceAll("_", " "),
    summary: `${outcome.reasons.join(", ")}, as of ${outcome.at}.`,
    buttons: pull.merged && outcome.status !== "rolled_back" ? ["roll-back"] : [],
  };
}

/**
 * Shows all stages of a pull request's proposal as they are on record now, the canary's too; false for a pull request that
 * is none of Whetstone's.
 * @throws WhetstoneError `api_failed`, `ledger_broken`
 */
export async function showStages(repository: RepositoryAccess, number: number): Promise<boolean> {
  const proposal = await proposalOfPull(repository, number);
  if (proposal === undefined) return false;
  const view = await repository.state.view();
  const text =
    proposal.dossierId === undefined ? undefined : await view.read(`dossiers/${proposal.dossierId}/manifest.json`);
  const stages = text === undefined ? [] : (DossierManifest.safeParse(JSON.parse(text)).data?.stages ?? []);
  const { self, host } = repository;
  const writers = [self.login, "github-actions[bot]", "web-flow"];
  const { branch } = proposal.pull;
  // Whoever makes a commit chooses the names in it; who pushed it GitHub knows by itself.
  const named = [...(await host.pulls.authors(number)), ...(await host.pulls.pushers(branch))];
  const others = [...new Set(named)].filter((name) => !writers.includes(name));
  const proved = await readPullValidation(view, number);
  const facts = { proposal, stages, others, ...(proved && { proved }) };
  for (const stage of stagesOf(facts)) await showStage(repository, stage);
  const gates = await gatesOfPull(view, number);
  const latest = gates.toSorted((a, b) => Date.parse(b.startedAt) - Date.parse(a.startedAt))[0];
  // One that is under way is shown by the look that judges it.
  if (latest?.decision) await showGate(repository, latest, { verdict: latest.decision.verdict, seen: undefined });
  return true;
}

/** The pull request whose gate let the proposal of a dossier pass; undefined when none did. */
export async function pullOfDossier({ state }: RepositoryAccess, dossier: string): Promise<number | undefined> {
  const view = await state.view();
  const outcomes = await readRecords(view, "outcomes/", Outcome);
  const fingerprint = outcomes.find((outcome) => outcome.dossier === dossier)?.fingerprint;
  return (await gatesOn(view)).find(({ proposal }) => proposal?.fingerprint === fingerprint)?.proposal?.pull;
}
