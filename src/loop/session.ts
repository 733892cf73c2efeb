import type { Evidence } from "../model/finding.ts";
import type { CommitSha } from "../model/json.ts";
import type { SessionMode } from "../model/proposal.ts";
import type { Stage } from "../model/stage.ts";
import { readOutcomes, readSessions } from "../protect/outcomes.ts";
import type { Rule } from "../model/outcome.ts";
import { ruleTokens } from "../session/arms.ts";
import type { ContextLimits } from "../session/context.ts";
import { readGuidance } from "../session/guidance.ts";
import type { SessionRunner } from "../session/port.ts";
import { sessionStage, type SessionResult } from "../session/stage.ts";
import { drawRules } from "./rules.ts";
import type { LoopRun } from "./run.ts";

/** What a session is run on. */
export type SessionInput = {
  readonly runner: SessionRunner;
  /** The base commit and a worktree of it. */
  readonly base: { readonly worktree: string; readonly sha: CommitSha };
  readonly evidence: Evidence;
  /** Default: refinement. */
  readonly mode?: SessionMode | undefined;
  /** What the person asked. */
  readonly question?: string | undefined;
  /** Id of the cut-off session that this one goes on with. */
  readonly continues?: string | undefined;
  /** Whether the run's outcome will be recorded, so that the draw of the rules goes on record before it. */
  readonly record?: boolean | undefined;
};

/** One session on the evidence, with the rules of the base commit and the earlier outcomes, newest first. */
export async function session(
  run: Pick<LoopRun, "id" | "actor" | "workspace" | "files">,
  { runner, base, evidence, mode = "refinement", question, continues, record = false }: SessionInput,
): Promise<Stage<SessionResult>> {
  const { state, target, targetName } = run.workspace;
  const view = await state.view();
  const outcomes = (await readOutcomes(view, targetName)).toReversed();
  const sessions = await readSessions(view, targetName);
  const guidance = await readGuidance(base.worktree, mode);
  // Only of a change that this run validates and records anything is learned: without that, nothing is held out for it.
  const drawn = mode === "refinement" && runner.kind !== "replay" && record;
  const { rules, arms } = await drawRules(run, { worktree: base.worktree, evidence, drawn });
  const { source } = target;
  const told = { mode, rules, arms, outcomes, sessions, guidance, question, continues, limits: roomFor(rules) };
  return await sessionStage(
    { ...told, runner, target: targetName, source, baseSha: base.sha, dossier: run.files },
    evidence,
  );
}

/** The budget was spent in the draw: what is on record as shown is shown, whatever the usual limit of the part is. */
function roomFor(rules: readonly Rule[]): Pick<ContextLimits, "rules"> {
  return { rules: rules.reduce((sum, rule) => sum + ruleTokens(rule), 0) };
}
