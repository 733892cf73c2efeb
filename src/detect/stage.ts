import type { DetectInputs, DetectReport } from "../model/detect.ts";
import type { Evidence } from "../model/finding.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Proposal } from "../model/proposal.ts";
import type { DossierFiles, Stage } from "../model/stage.ts";
import type { WallResult } from "../protect/wall/change.ts";
import { judgeDetect, judgeForm, judgeWithoutReview } from "./judge.ts";
import type { Reviewer } from "./reviewer.ts";

/** What the checks need. Nothing here can write to the repository. */
export type DetectDeps = {
  /** The patch wall of `protect/`, on the proposal's base. */
  readonly wall: (proposal: Proposal) => Promise<WallResult>;
  readonly calls: DetectInputs["calls"];
  /** What is remembered of the same change, and what hard rules forbid; absent where it is not asked. */
  readonly memory?: DetectInputs["memory"];
  /** The pull request of people whose change it is. */
  readonly pull?: DetectInputs["pull"];
  /** Absent where none is configured. */
  readonly reviewer?: Reviewer | undefined;
  readonly dossier: DossierFiles;
};

/** Checks a proposal before anything of it is applied or run; the reviewing model is asked last, if nothing else fails. */
export async function detectStage(
  deps: DetectDeps,
  proposal: Proposal,
  evidence: Evidence,
): Promise<Stage<DetectReport>> {
  const { dossier, calls, memory, pull, reviewer } = deps;
  const wall = await wallOf(deps, proposal, evidence);
  const inputs: DetectInputs = { wall, calls, ...(memory && { memory }), ...(pull && { pull }) };
  const clean = judgeWithoutReview({ proposal, evidence, inputs }).every(({ verdict }) => verdict === "pass");
  if (reviewer !== undefined && clean) {
    inputs.review = await reviewer.review({ diff: proposal.answer.patch, evidence });
  }
  const report = judgeDetect({ proposal, evidence, inputs });
  dossier.set("detect/inputs.json", `${JSON.stringify(inputs, undefined, 2)}\n`);
  dossier.set("detect/report.json", `${JSON.stringify(report, undefined, 2)}\n`);
  return { ...endOfDetect(report), value: report };
}

/** What the wall says; of what is no proposal it is not asked. */
async function wallOf(
  { wall, pull }: DetectDeps,
  proposal: Proposal,
  { target }: Evidence,
): Promise<DetectInputs["wall"]> {
  if (judgeForm(proposal, target, pull ? { pull } : {}).verdict !== "pass")
    return { ok: false, reasons: ["proposal_invalid"], details: [] };
  const result = await wall(proposal);
  const details = [...result.details];
  return result.ok ? { ok: true, reasons: ["ok"], details } : { ok: false, reasons: [...result.reasons], details };
}

/** How the stage ends with a report. */
function endOfDetect(report: DetectReport): Omit<Stage<DetectReport>, "value"> {
  const [first, ...others] = report.reasons;
  if (first === undefined)
    throw new WhetstoneError("defect", "A report of the checks before validation has no reason.");
  const bad = report.checks.find(({ verdict }) => verdict !== "pass");
  const said = bad === undefined ? `${report.checks.length} checks passed` : `${bad.check}: ${bad.details[0] ?? first}`;
  return { verdict: report.verdict, reasons: [first, ...others], summary: said.split("\n")[0] ?? "" };
}
