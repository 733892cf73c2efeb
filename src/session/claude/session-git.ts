import type { CommitSha } from "../../model/json.ts";

/** What a refinement asks of git; `src/github/session-tree.ts` is the adapter. */
export type SessionGit = {
  /** Remembers what of the repository around a worktree no session may touch. */
  readonly watch: (worktree: string) => Promise<RepositoryWatch>;
  /** The difference between a commit and the files at these paths, as one unified diff; other paths are not looked at. */
  readonly patch: (change: WorktreeChange) => Promise<string>;
};

/** Files of a worktree that differ from its commit. */
export type WorktreeChange = {
  readonly worktree: string;
  readonly baseSha: CommitSha;
  readonly paths: readonly string[];
};

/** What is compared with how it was. */
export type RepositoryWatch = {
  /** Names of what differs now: `.git`, `config`, `hooks/…`, `HEAD`, `refs/…`; empty when nothing does. */
  readonly changed: () => Promise<readonly string[]>;
};
