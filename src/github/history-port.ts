import type { CommitSha } from "../model/json.ts";

/** A commit: its parents and its whole message. */
export type CommitFacts = { readonly parents: readonly CommitSha[]; readonly message: string };

/** What a repository was: commits, their trees, what was deployed. Only reading; errors: `api_failed`. */
export type History = {
  /** Undefined for a commit that is not there. */
  readonly commit: (sha: CommitSha) => Promise<CommitFacts | undefined>;
  /** Mode and blob of every file, link and submodule of a commit, by path. */
  readonly tree: (sha: CommitSha) => Promise<ReadonlyMap<string, { readonly mode: string; readonly sha: string }>>;
  readonly blob: (sha: string) => Promise<Uint8Array>;
  /** Whether `descendant` is `ancestor` or has it in its history. */
  readonly contains: (descendant: CommitSha, ancestor: CommitSha) => Promise<boolean>;
  /** The newest commit that both have in their history; undefined for none, and for a commit that is not there. */
  readonly mergeBase: (a: CommitSha, b: CommitSha) => Promise<CommitSha | undefined>;
  /** Whole messages of a pull request's commits, oldest first; GitHub lists the first 250 of them. */
  readonly messagesOfPull: (number: number) => Promise<readonly string[]>;
  /** The latest deployments to an environment, newest first: at most 100. */
  readonly deployed: (
    environment: string,
  ) => Promise<readonly { readonly id: number; readonly sha: CommitSha; readonly task: string }[]>;
};
