import type { Check, PatchLimits } from "../config/schema.ts";
import type { ReasonCode } from "../model/codes.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Proposal } from "../model/proposal.ts";
import type { DossierFiles, Progress, Stage } from "../model/stage.ts";
import type { StageVerdict, ValidationReport, ValidationStage } from "../model/verdict.ts";
import type { Lease } from "../protect/lease.ts";
import { parsePatch, pathsOf } from "../protect/patch.ts";
import { judgeScope } from "../protect/patch-rules.ts";
import { judgeSafety } from "../protect/secrets.ts";
import { judgeViews } from "../protect/wall/agreement.ts";
import type { WallEvidence, WallRules } from "../protect/wall/change.ts";
import { runChecks } from "./checks.ts";
import { concludeValidation, judgeChecks, judgeReplay, type ReplayEvidence } from "./judge.ts";
import type { ReplayRounds } from "./replay.ts";

/** What the patch is held against; kept in the dossier. */
export type PatchRules = WallRules & { readonly limits: Partial<PatchLimits> };

/** What the validation pipeline needs. Nothing here can write to the user's branch or worktree. */
export type ValidateDeps = PatchRules & {
  readonly checks: readonly Check[];
  /** Shell command for a fresh worktree; undefined when none is needed. */
  readonly prepare: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** A fresh worktree of the base with the patch applied, another one for each purpose, or why the wall refuses it. */
  readonly applyInWorktree: (
    proposal: Proposal,
    purpose: "checks" | "replay",
  ) => Promise<(Extract<Applied, { ok: true }> & { readonly path: string }) | Extract<Applied, { ok: false }>>;
  /** Plays the recorded calls on both versions and measures. */
  readonly replay: (proposal: Proposal, head: string) => Promise<ReplayEvidence & { readonly results: ReplayRounds }>;
  readonly dossier: DossierFiles;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  /** Where the process groups of checks are noted while they run. */
  readonly lease?: Pick<Lease, "addProcess" | "forgetProcess">;
};

/** What validation found, and the worktree with the change, for the canary. */
export type ValidateResult = { readonly report: ValidationReport; readonly worktree?: string };

/** Runs the stages in order; the first that does not pass ends the pipeline. */
export async function validateStage(deps: ValidateDeps, proposal: Proposal): Promise<Stage<ValidateResult>> {
  const stages: ValidationReport["stages"] = [];
  let effects: ValidationReport["effects"] = [];
  let worktree: string | undefined;
  const settle = (stage: ValidationStage, verdict: StageVerdict): boolean => {
    stages.push({ stage, ...verdict });
    deps.progress({ label: stage, done: stages.length, total: 5 });
    return verdict.verdict === "pass";
  };
  const { source, limits, protected: classes, executable, binary } = deps;
  deps.dossier.set("validation/rules.json", json({ source, limits, protected: classes, executable, binary }));
  const run = async (): Promise<void> => {
    for (const [stage, verdict] of judgePatch(proposal.answer.patch, deps)) if (!settle(stage, verdict)) return;
    const applied = await deps.applyInWorktree(proposal, "checks");
    const { ok, changed, views } = applied.ok ? applied : { ...applied, ok: true, changed: [] };
    deps.dossier.set("validation/apply.json", json(applied.ok ? { ok, changed, views } : applied));
    if (!settle("apply", judgeApply(applied, proposal.answer.patch)) || !applied.ok) return;
    const { runs, path } = await runChecks(deps, { proposal, worktree: applied.path });
    deps.dossier.set("validation/checks.json", json(runs));
    if (!settle("checks", judgeChecks(runs))) return;
    worktree = path;
    const { results, ...evidence } = await deps.replay(proposal, path);
    deps.dossier.set("validation/replay-results.json", json(results));
    deps.dossier.set("validation/replay.json", json(evidence));
    effects = [...evidence.effects];
    settle("replay", judgeReplay(evidence));
  };
  await run();
  const report = {
    ...describeProposal(proposal),
    ...concludeValidation(stages),
    stages,
    effects,
  } satisfies ValidationReport;
  deps.dossier.set("validation/report.json", json(report));
  return conclude(report, worktree);
}

function conclude(report: ValidationReport, worktree: string | undefined): Stage<ValidateResult> {
  const last = report.stages.at(-1);
  const [first, ...others] = report.reasons;
  if (first === undefined) throw new WhetstoneError("defect", "A validation report has no reason.");
  const details = (last?.details[0] ?? "").split("\n")[0] ?? "";
  return {
    verdict: report.verdict,
    reasons: [first, ...others],
    summary: report.verdict === "pass" ? details : `${last?.stage ?? "nothing"}: ${details}`,
    value: worktree === undefined ? { report } : { report, worktree },
  };
}

/** Stages `scope` and `safety`: from the text of the patch alone, so that a dossier can be judged again. */
export function* judgePatch(patch: string, rules: PatchRules): Generator<readonly [ValidationStage, StageVerdict]> {
  const parsed = parsePatch(patch);
  if (!parsed.ok) {
    yield ["scope", { verdict: "fail", reasons: [parsed.reason], details: [parsed.detail] }];
    return;
  }
  yield ["scope", judgeScope(parsed.patch, rules)];
  yield ["safety", judgeSafety(parsed.patch)];
}

/** What applying the patch did: the paths that changed, or why it did not pass; with the wall's views where it saw any. */
export type Applied = { readonly views?: WallEvidence } & (
  | { readonly ok: true; readonly changed: readonly string[] }
  | { readonly ok: false; readonly detail: string; readonly reasons?: readonly ReasonCode[] }
);

/**
 * The paths that changed in the worktree must be those that our parser read, and the wall's three views must agree: ours,
 * what git read, and the tree that came of it.
 */
export function judgeApply(applied: Applied, patch: string): StageVerdict {
  const parsed = parsePatch(patch);
  if (parsed.ok && applied.views !== undefined) {
    const views = judgeViews(parsed.patch, applied.views);
    if (views.verdict !== "pass") return views;
  }
  if (!applied.ok) {
    return { verdict: "fail", reasons: [...(applied.reasons ?? ["patch_does_not_apply"])], details: [applied.detail] };
  }
  const expected = new Set(parsed.ok ? parsed.patch.files.flatMap(pathsOf) : []);
  const changed = new Set(applied.changed);
  const unexpected = [...changed].filter((path) => !expected.has(path));
  const unchanged = [...expected].filter((path) => !changed.has(path));
  if (unexpected.length + unchanged.length > 0) {
    const details = [
      ...unexpected.map((path) => `Applying changed ${path}, which the patch does not name.`),
      ...unchanged.map((path) => `Applying left ${path} as it was, which the patch names.`),
    ];
    return { verdict: "fail", reasons: ["patch_unparseable"], details };
  }
  return { verdict: "pass", reasons: ["ok"], details: [`Applies to the base; changes ${applied.changed.join(", ")}.`] };
}

/** What a report says about the proposal that it is bound to. */
export function describeProposal(
  proposal: Proposal,
): Pick<ValidationReport, "schema" | "proposal" | "patchDigest" | "baseSha"> {
  return {
    schema: "whetstone.validation/1",
    proposal: proposal.id,
    patchDigest: proposal.patchDigest,
    baseSha: proposal.baseSha,
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
