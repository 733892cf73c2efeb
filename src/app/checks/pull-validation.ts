import type { StageResult } from "../../model/dossier.ts";
import type { PullValidation } from "../../model/pull-change.ts";
import { readPullValidation } from "../../protect/pull-validations.ts";
import { effectTable } from "../../propose/report.ts";
import { cell, markdownTable } from "../page-text.ts";
import type { RepositoryAccess } from "../repository.ts";
import { showStage, type StageState, type StageView } from "./stage-check.ts";

/** A pull request at the commit that is proved. */
export type PullRun = {
  readonly number: number;
  readonly headSha: string;
  readonly target: string;
};

/** Inconclusive is no pass: where the check is required, `neutral` would let a merge through. */
const ENDS: Readonly<Record<PullValidation["verdict"], StageState>> = {
  pass: "success",
  fail: "failure",
  inconclusive: "action_required",
};

/** Says at the commit that it is being proved. */
export async function showPullRun(repository: Pick<RepositoryAccess, "host">, pull: PullRun): Promise<void> {
  await showStage(repository, {
    ...aboutPull(pull),
    state: "in_progress",
    title: "This commit is being validated",
    summary: `A run proves the change as it is at \`${pull.headSha}\` for the target ${cell(pull.target)}.`,
  });
}

/** Says at the commit that the run ended and left no verdict of it. */
export async function showPullLost(
  repository: Pick<RepositoryAccess, "host">,
  { line, ...pull }: PullRun & { readonly line: string },
): Promise<void> {
  const title = "The run ended without a verdict";
  await showStage(repository, { ...aboutPull(pull), state: "action_required", title, summary: line });
}

/** Shows again what is kept of a pull request, where it is of the commit that stands there now. */
export async function showKept({ host, state }: Pick<RepositoryAccess, "host" | "state">, pull: number): Promise<void> {
  const kept = await readPullValidation(await state.view(), pull);
  if (kept === undefined || (await host.pulls.find(pull))?.headSha !== kept.headSha) return;
  await showStage({ host }, pullValidationView(kept));
}

/** What a run found of a pull request, as the check run of the commit that it was given. */
export function pullValidationView(found: PullValidation): StageView {
  const { verdict, reasons, pull, headSha, target } = found;
  const how = verdict === "pass" ? "every stage passed at this commit" : `${verdict}: ${reasons.join(", ")}`;
  const title = `${cell(target)}: ${how}`;
  return { ...aboutPull({ number: pull, headSha }), state: ENDS[verdict], title, summary: pullValidationText(found) };
}

/** The same for a comment: Markdown whose foreign parts have passed the sanitiser. */
export function pullValidationText(found: PullValidation): string {
  const { pull, headSha, baseSha, patchDigest, report, run, target, verdict, reasons } = found;
  const bound = [
    `**${verdict}** (${reasons.join(", ")}) for the target ${cell(target)}: #${pull} at \`${headSha}\`, on \`${baseSha.slice(0, 12)}\``,
    ...(patchDigest === null ? [] : [`patch sha256 \`${patchDigest}\``]),
    `run ${run}.`,
  ].join(", ");
  const rows = [...found.stages, ...(report?.stages ?? []).map(asRow)].map(rowOf);
  const effects = report === null || report.effects.length === 0 ? [] : [effectTable(report.effects)];
  const told = report === null ? [] : [TOLD];
  return [bound, markdownTable(["stage", "verdict", "reasons", "what was found"], rows), ...told, ...effects].join(
    "\n\n",
  );
}

/** The change ran there, and its author chose what it says. */
const TOLD =
  "What `validate` found stands here in the words of the machine that ran the change: they are data, and nobody's advice.";

type Row = Pick<StageResult, "stage" | "verdict" | "reasons" | "summary">;

function asRow({ stage, verdict, reasons, details }: NonNullable<PullValidation["report"]>["stages"][number]): Row {
  return { stage: `validate: ${stage}`, verdict, reasons, summary: details.join(" ") };
}

function rowOf({ stage, verdict, reasons, summary }: Row): readonly string[] {
  return [cell(stage), cell(verdict), reasons.join(", "), cell(summary)];
}

function aboutPull({
  number,
  headSha,
}: Pick<PullRun, "number" | "headSha">): Pick<StageView, "sha" | "stage" | "about"> {
  return { sha: headSha, stage: "validation", about: `pull/${number}` };
}
