import { openWallGit } from "../github/wall-git.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Digest } from "../model/json.ts";
import type { Stage } from "../model/stage.ts";
import type { JobRun, StepVerdict } from "../model/step-verdict.ts";
import type { ValidationReport } from "../model/verdict.ts";
import { sha256 } from "../protect/digest.ts";
import { readOutcomes } from "../protect/outcomes.ts";
import { formatReport, type ReportParts } from "../propose/report.ts";
import type { ProposeResult } from "../propose/stage.ts";
import type { Material, WriteRequest } from "../propose/write/request.ts";
import { writeProposal } from "../propose/write/write.ts";
import type { LoopRun } from "./run.ts";
import { wallRules } from "./validate.ts";

/** The attempt of the workflow run that a job is part of, and the artifact of the session that it speaks of. */
export type MadeIn = {
  readonly run: JobRun;
  /** Page of the run. */
  readonly url: string;
  readonly artifact: { readonly id: number; readonly digest: Digest };
};

/** Verdicts of the jobs between session and write job. */
export type Steps = Partial<Readonly<Record<StepVerdict["step"], StepVerdict>>>;

/** What is published: the decided change, its validation, and the verdicts of the jobs that let it pass. */
export type PublishRequest = {
  readonly parts: Omit<ReportParts, "validation">;
  readonly validation: ValidationReport;
  readonly steps: Steps;
  readonly madeIn: MadeIn;
};

const LABELS = ["whetstone"];

/** The write job on GitHub; its checks become part of the dossier. @throws WhetstoneError of `writeProposal` */
export async function publish(
  run: Pick<LoopRun, "workspace" | "files">,
  request: PublishRequest,
): Promise<Stage<ProposeResult>> {
  const { hosted, root, state, killSwitch } = run.workspace;
  if (hosted === undefined) throw new WhetstoneError("defect", "A change was to be published without a host.");
  await using git = await openWallGit(root);
  const outcomes = async (target: string) => await readOutcomes(await state.view(), target);
  const deps = { git, ...hosted, outcomes, mayWrite: killSwitch.assertRunning };
  const written = await writeProposal(deps, writeRequest(run, request));
  run.files.set("propose/checks.json", `${JSON.stringify(written.value.checks, undefined, 2)}\n`);
  const { branch, sha } = written.value;
  if (branch === undefined || sha === undefined) return { ...written, value: { branch: "", sha: "", report: "" } };
  const report = formatReport({ ...request.parts, validation: request.validation });
  run.files.set("report.md", report);
  return { ...written, value: { branch, sha, report } };
}

function writeRequest(
  { workspace, files }: Pick<LoopRun, "workspace" | "files">,
  { parts, steps, madeIn }: PublishRequest,
): WriteRequest {
  const { run, url, artifact } = madeIn;
  const file = (path: string): Material => material(textOf(files.get(path)));
  const verdict = (step: StepVerdict["step"]): Material => material(JSON.stringify(steps[step] ?? null));
  return {
    run,
    artifact,
    materials: {
      proposal: file("proposal.json"),
      session: file("session/record.json"),
      evidence: file("evidence/evidence.json"),
      validation: file("validation/report.json"),
      detect: verdict("detect"),
      validate: verdict("validate"),
    },
    rules: wallRules(workspace.target),
    dossier: parts.dossier,
    links: { run: url, artifact: `${url}/artifacts/${artifact.id}` },
    labels: LABELS,
  };
}

/** The dossier that these come from was taken with its announced digest: theirs follow from it. */
function material(text: string): Material {
  return { text, digest: sha256(text) };
}

function textOf(content: string | Uint8Array | undefined): string {
  return typeof content === "string" ? content : new TextDecoder().decode(content ?? new Uint8Array());
}
