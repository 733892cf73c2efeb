import type { CommitSha } from "../model/json.ts";

/** A proposal branch as it stands in the repository. */
export type OpenProposal = { readonly branch: string; readonly sha: CommitSha; readonly title: string };

/** What is needed to open a proposal. The patch has passed validation against `baseSha`. */
export type ProposalBranch = {
  readonly branch: string;
  readonly baseSha: CommitSha;
  /** Unified diff with `a/` and `b/` prefixes. */
  readonly patch: string;
  /** First line of the commit message, and of the pull request where there is one. */
  readonly title: string;
  /** The report, Markdown. */
  readonly body: string;
  /**
   * Told the commit before a branch that did not exist is made, so that a run that is killed in between can be swept.
   * Not told when the branch existed: it is then not this run's to remove.
   */
  readonly announce?: (opened: OpenProposal) => Promise<void>;
};

/**
 * The host of the repository in domain words. Adapters: `local.ts` (git on disk), `memory.ts`; `rest` on GitHub later.
 * Errors: `not_a_repository`, `git_failed`, `ref_moved`.
 */
export type Forge = {
  /** Commit that HEAD names and the branch it is on (absent when detached). */
  readonly head: () => Promise<{ readonly sha: CommitSha; readonly branch?: string }>;
  /** Paths of tracked files that differ from HEAD, and of untracked files below `within`. */
  readonly uncommitted: (within: readonly string[]) => Promise<readonly string[]>;
  /** A file's bytes at a commit; undefined when it is not there. */
  readonly read: (sha: CommitSha, path: string) => Promise<Uint8Array | undefined>;
  /** Commits the patch onto the base as `branch`. Updates an existing branch by compare-and-swap; equal content is kept. */
  readonly openProposal: (proposal: ProposalBranch) => Promise<OpenProposal>;
  /** Deletes the proposal's branch if it still points to `sha`; false when it is gone or moved. */
  readonly closeProposal: (branch: string, sha: CommitSha) => Promise<boolean>;
  /** Branches below `prefix`. */
  readonly proposals: (prefix: string) => Promise<readonly OpenProposal[]>;
};
