import type { CommitSha } from "../model/json.ts";

/** A workflow of the repository. */
export type WorkflowFile = {
  /** Path of its file; workflows that GitHub runs by itself have none in the repository. */
  readonly path: string;
  /** File name, by which it is switched. */
  readonly file: string;
  readonly name: string;
  /** GitHub's words: `active`, `disabled_manually`, `disabled_inactivity`, … */
  readonly state: string;
};

/** A run of a workflow, with what tells whose it is. */
export type WorkflowRun = {
  readonly id: number;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** The commit that the workflow file was taken from. */
  readonly headSha: CommitSha;
  /** Undefined for a run of no branch. */
  readonly branch: string | undefined;
  /** File of the workflow, such as `.github/workflows/whetstone-canary.yml`. */
  readonly path: string;
  readonly event: string;
  /** `run-name` of the workflow, as it came out. */
  readonly title: string;
  /** GitHub's words: `queued`, `in_progress`, `waiting`, `completed`, … */
  readonly status: string;
  readonly conclusion: string | undefined;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Whether its code came from this repository, and not from a fork. */
  readonly ownCode: boolean;
  /** Who started it, and who had it run again; undefined for accounts that are gone. */
  readonly actors: readonly (string | undefined)[];
  /** Its page. */
  readonly url: string;
  /** Its address at the API, as it was asked for by this client; undefined where the client does not say. */
  readonly address: string | undefined;
};

/** A run that has not ended: it is queued, waits at a gate, or runs. */
export type RunUnderWay = Pick<WorkflowRun, "id" | "path" | "title" | "status" | "url">;

/** Workflow runs and how they are ended. Errors: `api_failed`; ending one again changes nothing. */
export type Runs = {
  readonly find: (id: number) => Promise<WorkflowRun | undefined>;
  /**
   * Runs of a workflow file that were dispatched since an instant (RFC 3339), newest first; with `by` those of this account,
   * since others may give theirs the same title. Runs of accounts that are gone count, too.
   */
  readonly dispatched: (file: string, since: string, by?: string) => Promise<readonly WorkflowRun[]>;
  readonly underWay: () => Promise<readonly RunUnderWay[]>;
  /** Asks a run to end, gates that it waits at included; false when it has ended already. */
  readonly cancel: (id: number) => Promise<boolean>;
  /** Ends a run whose jobs go on in spite of that (`always()`); false when it has ended already. */
  readonly forceCancel: (id: number) => Promise<boolean>;
};
