import type { CommitSha } from "../../model/json.ts";
import type { GitReading, RawChange } from "./change.ts";

/** One entry of a tree, with its path from the top. */
export type TreeEntry = { readonly mode: string; readonly id: string; readonly path: string };

/** A commit that git knows, as far as the wall needs it. */
export type BaseTree = {
  readonly tree: string;
  /** Everything but folders. */
  readonly entries: readonly TreeEntry[];
  /** Ids of the folders by path. */
  readonly folders: ReadonlyMap<string, string>;
};

/** An object as git stores it, without its header. */
export type GitObject = { readonly type: string; readonly bytes: Uint8Array };

/** What `git apply --cached` did. */
export type GitApplied =
  | { readonly ok: true; readonly reading: GitReading; readonly tree: string }
  | { readonly ok: false; readonly detail: string };

/** What git says of a bundle: its tips, or why it does not take it. `fault` is fsck's message id where there is one. */
export type GitBundle =
  | { readonly ok: true; readonly tips: readonly string[] }
  | { readonly ok: false; readonly detail: string; readonly fault?: string };

/**
 * The git that the wall asks: a scratch repository that borrows the objects of the real one and writes none into it,
 * with hooks, filters, attributes, configuration, submodules and replaced objects off.
 */
export type WallGit = {
  /** Forgets what earlier changes brought: a change must not lean on another one's objects. */
  readonly clear: () => Promise<void>;
  /** Files and their modes of a commit; undefined when it is not there. */
  readonly base: (sha: CommitSha) => Promise<BaseTree | undefined>;
  /** Objects by id; those that are missing are left out. */
  readonly objects: (ids: readonly string[]) => Promise<ReadonlyMap<string, GitObject>>;
  /** Applies to the tree of a commit, without a worktree. */
  readonly apply: (base: CommitSha, patch: Uint8Array) => Promise<GitApplied>;
  readonly diffTree: (before: string, after: string) => Promise<readonly RawChange[]>;
  /** Verifies a bundle against the base as its only known commit, and takes its objects in, checked by fsck. */
  readonly takeBundle: (bundle: Uint8Array, options: { readonly packAt: number }) => Promise<GitBundle>;
  /** The difference of two trees as a unified diff with binary content, renames found. */
  readonly diff: (before: string, after: string) => Promise<Uint8Array>;
};
