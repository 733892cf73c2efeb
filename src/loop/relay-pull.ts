import { carriedChange, type CarriedFile } from "../github/carried-change.ts";
import { carriedPatch } from "../github/carried-patch.ts";
import { openWallGit } from "../github/wall-git.ts";
import type { FoundPull } from "../github/host-port.ts";
import { WhetstoneError } from "../model/error.ts";
import type { CommitSha } from "../model/json.ts";
import type { PullAtHead, PullChange } from "../model/pull-change.ts";
import type { Stage } from "../model/stage.ts";
import { formatInstant } from "../model/time.ts";
import { sha256 } from "../protect/digest.ts";
import { pullFault } from "../protect/pull-fitness.ts";
import { proposalOfBranch } from "../propose/recorded.ts";
import type { RelayRequest } from "./relay-request.ts";
import type { LoopRun } from "./run.ts";

/** File of a dossier that says whose change it is, and the one in which the gate hands on the change itself. */
export const PULL_FILE = "pull.json";
export const PULL_PATCH = "pull.patch";

/** Nothing of a pull request is proposed again or recorded. @throws WhetstoneError `usage` */
export function assertWritesNothing({ asked, dryRun }: Pick<RelayRequest, "asked" | "dryRun">): void {
  if (asked?.session?.kind !== "pull" || dryRun) return;
  throw new WhetstoneError("usage", "A pull request is proved without writing anything.", {
    remedy: "Set `dry-run: true`.",
  });
}

/** What the gate says of a pull request: its change, or why there is none to be proved. */
export type ReadPull =
  | { readonly ok: true; readonly change: PullChange; readonly patch: string }
  | { readonly ok: false; readonly refusal: Omit<Stage<never>, "value"> };

type Run = Pick<LoopRun, "workspace">;

/**
 * Reads the change of a pull request as it is at the commit that was asked for: what it changed since it left the default
 * branch, put on top of the commit that is measured. Of the repository only objects are read; nothing is checked out.
 * @throws WhetstoneError `usage` without a repository on GitHub, `api_failed`, `git_failed`, `ledger_broken`
 */
export async function readPull(run: Run, asked: PullAtHead, baseSha: CommitSha): Promise<ReadPull> {
  const { hosted, root, state, clock, target, targetName } = run.workspace;
  if (hosted === undefined) {
    throw new WhetstoneError("usage", `Pull request #${asked.number} cannot be read without a token.`, {
      remedy: "Set `token: ${{ github.token }}` on the job gate.",
    });
  }
  const { defaultBranch } = await hosted.host.repository.facts();
  const pull = await hosted.host.pulls.find(asked.number);
  const fault = pullFault(pull, { ...asked, defaultBranch });
  if (fault !== undefined || pull === undefined) return refused("inconclusive", "pull_unfit", fault ?? "");
  const carried = await carry(run, { head: asked.headSha, baseSha });
  if ("refusal" in carried) return carried;
  const { changes, mergeBase } = carried;
  if (changes.length === 0) return refused("fail", "patch_empty", `#${asked.number} changes nothing.`);
  // A rename is two paths. What is far too large is not fetched to be told so by the wall.
  if (changes.length > 2 * target.limits.files) {
    return refused(
      "fail",
      "size_exceeded",
      `${changes.length} paths; at most ${target.limits.files} files may change.`,
    );
  }
  const made = await carriedPatch({ root, baseSha, changes, blob: hosted.history.blob });
  if (!made.ok) return refused("fail", made.reason, made.detail);
  const { patch } = made;
  const recorded = await recordedClaim(await state.view(), pull, targetName);
  const facts = { number: asked.number, headSha: asked.headSha, mergeBase, patchDigest: sha256(patch) };
  const at = formatInstant(clock.now());
  return { ok: true, change: { schema: "whetstone.pull-change/1", ...facts, ...recorded, at }, patch };
}

type Carried = { readonly changes: readonly CarriedFile[]; readonly mergeBase: CommitSha };

async function carry(
  { workspace: { hosted, root } }: Run,
  { head, baseSha }: { readonly head: CommitSha; readonly baseSha: CommitSha },
): Promise<Carried | Extract<ReadPull, { ok: false }>> {
  if (hosted === undefined) throw new WhetstoneError("defect", "A pull request was read without a host.");
  const mergeBase = await hosted.history.mergeBase(baseSha, head);
  if (mergeBase === undefined)
    return refused("inconclusive", "base_missing", "It has no commit in common with the base.");
  await using git = await openWallGit(root);
  const standing = await git.base(baseSha);
  if (standing === undefined) return refused("inconclusive", "base_missing", `The checkout lacks ${baseSha}.`);
  const base = new Map(standing.entries.map(({ path, mode, id }) => [path, { mode, sha: id }]));
  const common = mergeBase === baseSha ? base : await hosted.history.tree(mergeBase);
  const { changes, conflicts } = carriedChange({ common, head: await hosted.history.tree(head), base });
  if (conflicts.length === 0) return { changes, mergeBase };
  const named = conflicts.slice(0, 3).map((path) => JSON.stringify(path));
  const more = conflicts.length > 3 ? ` and ${conflicts.length - 3} more` : "";
  const why = `The base branch changed ${named.join(", ")}${more} too; bring the pull request up to date.`;
  return refused("inconclusive", "base_moved", why);
}

/** What the record claims of a proposal of Whetstone; what a pull request says of itself counts for nothing. */
async function recordedClaim(
  view: Parameters<typeof proposalOfBranch>[0],
  { branch }: Pick<FoundPull, "branch">,
  target: string,
): Promise<Pick<PullChange, "hypothesis" | "findings">> {
  const recorded = await proposalOfBranch(view, branch);
  if (recorded === undefined || recorded.target !== target) return { hypothesis: null, findings: [] };
  return { hypothesis: recorded.hypothesis ?? null, findings: recorded.origin.findings };
}

function refused(
  verdict: "fail" | "inconclusive",
  reason: Stage<never>["reasons"][0],
  summary: string,
): Extract<ReadPull, { ok: false }> {
  return { ok: false, refusal: { verdict, reasons: [reason], summary } };
}
