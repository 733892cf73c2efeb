import type { CommitSha } from "../model/json.ts";

/** One file as it is after a change; `bytes` null: it is gone. Modes are git's: `100644`, `100755`. */
export type FileChange =
  | { readonly path: string; readonly mode: string; readonly bytes: Uint8Array }
  | { readonly path: string; readonly mode: null; readonly bytes: null };

/** A commit to be put on a branch of its own, on top of `baseSha`. */
export type NewBranchCommit = {
  readonly branch: string;
  readonly baseSha: CommitSha;
  /** First line, and the rest of the message. */
  readonly title: string;
  readonly body: string;
  readonly files: readonly FileChange[];
  /** The tree that must come of it, where it is known; another one is refused. */
  readonly tree?: string | undefined;
  /**
   * Whether a commit that stands on the branch, by its message, may be replaced; all may when absent. What may not is
   * somebody else's work.
   */
  readonly mayReplace?: ((message: string) => boolean) | undefined;
  /** Told branch and commit before the branch exists. */
  readonly announce?:
    | ((opened: { readonly branch: string; readonly sha: CommitSha; readonly title: string }) => Promise<void>)
    | undefined;
};

/**
 * Commits made of whole files. Errors: `ref_moved` when somebody else wrote the branch, `git_failed` when the base is
 * unknown or another tree came of the files than was stated, `api_failed`.
 */
export type Commits = {
  /**
   * Puts the commit on its branch, by compare-and-swap. A branch that holds the same content on the same base already is
   * kept, and one that an interrupted run left half-way is completed.
   */
  readonly put: (
    commit: NewBranchCommit,
  ) => Promise<{ readonly sha: CommitSha; readonly action: "created" | "updated" | "kept" }>;
};
