import type { Forge } from "../github/port.ts";
import type { Proposal } from "../model/proposal.ts";
import type { Stage } from "../model/stage.ts";
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

/** Nothing is proposed that the validation report does not cover, digest by digest. */
function refuse(proposal: Proposal, { validation }: ReportParts): Stage<ProposeResult> | undefined {
  const value = { branch: "", sha: "", report: "" };
  if (validation.patchDigest !== proposal.patchDigest || validation.baseSha !== proposal.baseSha) {
    const summary = "the validation report is about another patch or base";
    return { verdict: "fail", reasons: ["digest_mismatch"], summary, value };
  }
  if (validation.verdict !== "pass") {
    return { verdict: "fail", reasons: ["verdict_missing"], summary: "the validation report is no pass", value };
  }
  return undefined;
}
