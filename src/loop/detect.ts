import type { ReviewSettings } from "../config/review.ts";
import { messagesReviewer } from "../detect/messages-reviewer.ts";
import type { Reviewer } from "../detect/reviewer.ts";
import { detectStage } from "../detect/stage.ts";
import { openWallGit } from "../github/wall-git.ts";
import type { CallResult } from "../model/call.ts";
import type { DetectInputs, DetectReport } from "../model/detect.ts";
import { messageOf, WhetstoneError } from "../model/error.ts";
import type { Evidence } from "../model/finding.ts";
import type { Proposal } from "../model/proposal.ts";
import type { PullAtHead } from "../model/pull-change.ts";
import type { Stage } from "../model/stage.ts";
import { passWall } from "../protect/wall/wall.ts";
import { modelProvider } from "../session/provider.ts";
import { memoryOf } from "./admission.ts";
import type { LoopRun } from "./run.ts";
import { wallRules } from "./validate.ts";

/** What a proposal is checked with. */
export type DetectRequest = {
  readonly proposal: Proposal;
  readonly evidence: Evidence;
  /** Results of the recorded calls on the unchanged base. */
  readonly reference: readonly CallResult[];
  readonly reviewer?: Reviewer | undefined;
  /** A worktree of the base commit where what is remembered counts; absent in a run that leaves no record. */
  readonly remembering?: string | undefined;
  /** The pull request whose change it is. */
  readonly pull?: PullAtHead | undefined;
};

/** The checks before validation, on the repository's own wall. */
export async function detect(
  run: Pick<LoopRun, "workspace" | "files">,
  { proposal, evidence, reference, reviewer, remembering, pull }: DetectRequest,
): Promise<Stage<DetectReport>> {
  const { root, target, config } = run.workspace;
  // A reviewer that the configuration wants and this run was not given lets nothing pass.
  const wanted = configuredReviewer(config.review, undefined);
  const wall = async ({ answer, baseSha, patchDigest }: Proposal) => {
    await using git = await openWallGit(root);
    const change = { kind: "diff", bytes: answer.patch, baseSha, digest: patchDigest } as const;
    return await passWall(git, change, wallRules(target));
  };
  const memory = remembering === undefined ? undefined : await memoryOf(run, { proposal, worktree: remembering });
  const given = {
    wall,
    calls: callsOf(reference),
    reviewer: reviewer ?? wanted,
    ...(memory === undefined ? {} : { memory }),
    ...(pull === undefined ? {} : { pull }),
  };
  return await detectStage({ ...given, dossier: run.files }, proposal, evidence);
}

/** How often each tool was called, and how often in vain. */
function callsOf(results: readonly CallResult[]): DetectInputs["calls"] {
  const byTool = [...Map.groupBy(results, ({ tool }) => tool)];
  return Object.fromEntries(
    byTool.map(([tool, all]) => [
      tool,
      { calls: all.length, failed: all.filter(({ status }) => status !== "ok").length },
    ]),
  );
}

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The reviewer that the configuration wants; undefined when it wants none. One that cannot be asked for want of a key is
 * one that gives no answer: nothing passes it.
 */
export function configuredReviewer(
  { model, timeoutSeconds }: ReviewSettings,
  variables: Variables | undefined,
): Reviewer | undefined {
  if (model === undefined) return undefined;
  try {
    const provider = modelProvider(variables ?? {});
    if (provider.kind === "anthropic")
      return messagesReviewer({ ...provider, model, timeoutMs: timeoutSeconds * 1_000 });
    throw new WhetstoneError("usage", `A reviewer cannot be asked through ${provider.kind}.`);
  } catch (error) {
    const why = messageOf(error);
    return { model, review: () => Promise.resolve({ kind: "missing", model, why }) };
  }
}
