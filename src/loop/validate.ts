import { measureEffects } from "../analyze/effects.ts";
import type { Target } from "../config/schema.ts";
import { openWallGit } from "../github/wall-git.ts";
import { applyPatch, changedPaths } from "../github/worktree.ts";
import type { CallResult } from "../model/call.ts";
import type { Proposal } from "../model/proposal.ts";
import type { Stage } from "../model/stage.ts";
import type { Effect } from "../model/verdict.ts";
import { passWall } from "../protect/wall/wall.ts";
import { createRandom } from "../stats/random.ts";
import { replayCalls } from "../validate/replay.ts";
import { validateStage, type ValidateResult } from "../validate/stage.ts";
import type { LoopRun } from "./run.ts";

/** What the validation of a proposal is run on. */
export type ValidateRequest = {
  readonly proposal: Proposal;
  /** Worktree of the unchanged base. */
  readonly base: string;
  /** Results of an earlier run of the base, from which noise is learned too. */
  readonly reference: readonly CallResult[];
};

/** The validation pipeline on real worktrees and the real server. */
export function validate(run: LoopRun, request: ValidateRequest): Promise<Stage<ValidateResult>> {
  const { target, childEnv } = run.workspace;
  const { proposal, base, reference } = request;
  const { rounds, slowdown } = target.replay;
  return validateStage(
    {
      ...wallRules(target),
      checks: target.checks,
      prepare: target.prepare,
      env: { ...childEnv, ...target.env },
      applyInWorktree: (_proposal, purpose) => applyInWorktree(run, proposal, purpose),
      replay: (_proposal, head) =>
        replayCalls({
          play: (version) =>
            playAll(run, version === "before" ? base : head, version === "before" ? "baseline" : "canary"),
          measure: (before, after) => measure({ before, after, seed: proposal.patchDigest }),
          rounds,
          slowdown,
          hypothesis: proposal.answer.hypothesis,
          reference,
          progress: run.progress,
        }),
      dossier: run.files,
      progress: run.progress,
      lease: run.lease,
      ...(run.signal ? { signal: run.signal } : {}),
    },
    proposal,
  );
}

/** What of a target's configuration the wall goes by. */
export function wallRules({ source, limits, protected: classes, executable, binary }: WallSettings) {
  return { source, limits, protected: classes, executable, binary };
}

type WallSettings = Pick<Target, "source" | "limits" | "protected" | "executable" | "binary">;

/** The change passes the wall; then the worktree gets it, and must hold the tree that the wall saw. */
async function applyInWorktree(run: LoopRun, { answer, baseSha, patchDigest }: Proposal, purpose: "checks" | "replay") {
  const { root, target } = run.workspace;
  await using git = await openWallGit(root);
  const change = { kind: "diff", bytes: answer.patch, baseSha, digest: patchDigest } as const;
  const passed = await passWall(git, change, wallRules(target));
  const views = passed.evidence && { views: passed.evidence };
  if (!passed.ok) return { ok: false, detail: passed.details.join(" "), reasons: passed.reasons, ...views } as const;
  const path = await run.worktree(`head-${purpose}`, baseSha);
  const applied = await applyPatch({ worktree: path, patch: passed.patch });
  if (!applied.ok) return { ...applied, ...views };
  if (applied.tree !== passed.tree) {
    const detail = `The worktree holds tree ${applied.tree}, the wall saw ${passed.tree}: a filter may have altered it.`;
    return { ok: false, detail, reasons: ["views_disagree"], ...views } as const;
  }
  return { ok: true, path, changed: await changedPaths(path), ...views } as const;
}

/** Effects of every tool; the seed makes the bootstrap repeatable, so that a dossier recomputes to the same figures. */
export function measure(calls: {
  readonly before: readonly CallResult[];
  readonly after: readonly CallResult[];
  readonly seed: string;
}): Effect[] {
  const operations = [...new Set(calls.before.map((call) => call.tool))].sort();
  return measureEffects({ ...calls, operations, random: createRandom(calls.seed) });
}

async function playAll(run: LoopRun, cwd: string, arm: "baseline" | "canary"): Promise<CallResult[]> {
  const results: CallResult[] = [];
  for (const session of run.workload.sessions) {
    results.push(...(await run.play({ session, arm, cwd, concurrency: 1 })));
  }
  return results;
}
