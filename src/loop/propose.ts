import type { Stage } from "../model/stage.ts";
import type { ReportParts } from "../propose/report.ts";
import { proposeStage, type ProposeResult } from "../propose/stage.ts";
import type { LoopRun } from "./run.ts";

/** What is proposed, and whether the run's outcome is on record by now. */
export type ProposeInput = { readonly parts: ReportParts; readonly recorded: () => boolean };

/**
 * Opens the proposal's branch, noted in the lease before it exists. An error between here and the record takes the branch
 * back: none is left that nobody decided on.
 */
export async function propose(
  run: Pick<LoopRun, "workspace" | "files" | "lease" | "defer">,
  { parts, recorded }: ProposeInput,
): Promise<Stage<ProposeResult>> {
  const { forge } = run.workspace;
  const announce = async ({ branch, sha }: { readonly branch: string; readonly sha: string }): Promise<void> => {
    await run.lease.addBranch({ branch, sha });
    run.defer(async () => void (recorded() || (await forge.closeProposal(branch, sha))));
  };
  const result = await proposeStage({ forge, announce }, parts);
  if (result.verdict === "pass") run.files.set("report.md", result.value.report);
  return result;
}
