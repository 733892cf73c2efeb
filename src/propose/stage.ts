import type { Forge } from "../github/port.ts";
import type { Proposal } from "../model/proposal.ts";
import type { Stage } from "../model/stage.ts";
import { VALIDATION_STAGES, type ValidationReport } from "../model/verdict.ts";
import { sha256 } from "../protect/digest.ts";
import { formatBranchName } from "./branch-name.ts";
import { formatReport, formatTitle, type ReportParts } from "./report.ts";

/** What proposing needs. `announce` is told branch and commit before a new branch is made, so that a killed run can be swept. */
export type ProposeDeps = {
  readonly forge: Pick<Forge, "openProposal">;
  readonly announce: (branch: { readonly branch: string; readonly sha: string }) => Promise<void>;
};

/** What was opened. */
export type ProposeResult = { readonly branch: string; readonly sha: string; readonly report: string };

/** Commits the validated change on its branch, with the report as the message. */
export async function proposeStage(deps: ProposeDeps, parts: ReportParts): Promise<Stage<ProposeResult>> {
  const { proposal, validation } = parts;
  const refused = refuse(proposal, parts);
  if (refused) return refused;
  const report = formatReport(parts);
  const branch = formatBranchName(proposal);
  const opened = await deps.forge.openProposal({
    branch,
    baseSha: proposal.baseSha,
    patch: proposal.answer.patch,
    title: formatTitle(proposal),
    body: report,
    announce: deps.announce,
  });
  const summary = `branch ${branch} with ${validation.stages.length} verdicts in its report`;
  return { verdict: "pass", reasons: ["ok"], summary, value: { branch, sha: opened.sha, report } };
}

function refuse(proposal: Proposal, { validation }: ReportParts): Stage<ProposeResult> | undefined {
  const gap = coverageGap(proposal, validation);
  return gap === undefined ? undefined : { ...gap, value: { branch: "", sha: "", report: "" } };
}

/** Nothing is proposed that the validation report does not cover: this text, on this base, through every stage. */
export function coverageGap(proposal: Proposal, validation: ValidationReport): Omit<Stage<never>, "value"> | undefined {
  if (sha256(proposal.answer.patch) !== proposal.patchDigest) {
    const summary = "the proposal's digest is not that of its patch";
    return { verdict: "fail", reasons: ["digest_mismatch"], summary };
  }
  if (validation.patchDigest !== proposal.patchDigest || validation.baseSha !== proposal.baseSha) {
    const summary = "the validation report is about another patch or base";
    return { verdict: "fail", reasons: ["digest_mismatch"], summary };
  }
  if (validation.verdict === "pass" && passedAll(validation)) return undefined;
  return { verdict: "fail", reasons: ["verdict_missing"], summary: "the validation report is no pass" };
}

function passedAll({ stages }: ValidationReport): boolean {
  return VALIDATION_STAGES.every((name) => stages.some(({ stage, verdict }) => stage === name && verdict === "pass"));
}
