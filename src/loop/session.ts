import type { Evidence } from "../model/finding.ts";
import type { CommitSha } from "../model/json.ts";
import type { Stage } from "../model/stage.ts";
import { formatInstant } from "../model/time.ts";
import { readOutcomes } from "../protect/outcomes.ts";
import type { SessionRunner } from "../session/port.ts";
import { readRules } from "../session/rules.ts";
import { sessionStage, type SessionResult } from "../session/stage.ts";
import type { LoopRun } from "./run.ts";

/** What a session is run on. */
export type SessionInput = {
  readonly runner: SessionRunner;
  /** The base commit and a worktree of it. */
  readonly base: { readonly worktree: string; readonly sha: CommitSha };
  readonly evidence: Evidence;
};

/** One session on the evidence, with the rules of the base commit and the earlier outcomes, newest first. */
export async function session(
  run: Pick<LoopRun, "workspace" | "files">,
  { runner, base, evidence }: SessionInput,
): Promise<Stage<SessionResult>> {
  const { state, clock, target, targetName } = run.workspace;
  const outcomes = (await readOutcomes(await state.view(), targetName)).toReversed();
  const rules = await readRules(base.worktree, { target: targetName, now: formatInstant(clock.now()) });
  const { source } = target;
  const parts = { runner, target: targetName, source, baseSha: base.sha, rules, outcomes, dossier: run.files };
  return await sessionStage(parts, evidence);
}
