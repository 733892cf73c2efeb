import type { CommitSha } from "../model/json.ts";

/** The orphan branch that the state is committed on. */
export const STATE_BRANCH = "whetstone/state";

/** Files to write (text) or to remove (null), by path. */
export type StateChange = ReadonlyMap<string, string | null>;

/** A consistent view of the state at one commit. */
export type StateView = {
  /** Absent before the first write. */
  readonly head: CommitSha | undefined;
  readonly read: (path: string) => Promise<string | undefined>;
  /** Paths below `prefix`, sorted. */
  readonly list: (prefix: string) => Promise<readonly string[]>;
};

/**
 * Committed files on the branch `whetstone/state`: sessions, dossiers, ledger, outcomes.
 * Adapters: `git-state.ts`, `memory-state.ts`, under one contract suite.
 */
export type StateStore = {
  /** The state as of now. */
  readonly view: () => Promise<StateView>;
  /**
   * Reads and writes as one step: `plan` gets the current view and returns the files to change; the commit lands by
   * compare-and-swap on the branch. When another writer was faster `plan` runs again on the new view, so it must be
   * free of side effects. An empty change makes no commit.
   * @throws WhetstoneError `ref_moved` after too many lost races.
   */
  readonly update: <T>(
    message: string,
    plan: (view: StateView) => Promise<{ readonly change: StateChange; readonly value: T }>,
  ) => Promise<T>;
};

/** The state for those who only look. */
export type StateReader = Pick<StateStore, "view">;
