import type { CommitSha } from "../model/json.ts";

/** A run of a workflow, with what tells whose it is. */
export type GateRun = {
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

/** What somebody answered at an environment of a run. `pending`: a report, which decides nothing. */
export type GateAnswer = {
  readonly environments: readonly string[];
  readonly state: "approved" | "rejected" | "pending";
  /** Undefined for an account that is gone. */
  readonly user: string | undefined;
  readonly comment: string;
};

/** Characters of a report or of the comment of an answer. */
export const LONGEST_GATE_COMMENT = 1_024;
/** Reports that GitHub takes for a deployment. */
export const MOST_REPORTS = 10;

/**
 * Deployments that wait at an environment for this App (custom deployment protection rules). Errors: `api_failed`; no
 * write is repeated here: what became of an answer is to be looked up by {@link Gates.answers}.
 */
export type Gates = {
  readonly run: (id: number) => Promise<GateRun | undefined>;
  /** Runs of a workflow that were dispatched since an instant (RFC 3339), newest first. */
  readonly dispatched: (file: string, since: string) => Promise<readonly GateRun[]>;
  /** Everything that was answered at environments of a run, reports included. */
  readonly answers: (runId: number) => Promise<readonly GateAnswer[]>;
  /** Environments that the run waits at. */
  readonly waiting: (runId: number) => Promise<readonly string[]>;
  /** Says how it stands; GitHub takes {@link MOST_REPORTS} of {@link LONGEST_GATE_COMMENT} characters. */
  readonly report: (runId: number, report: { readonly environment: string; readonly comment: string }) => Promise<void>;
  /** Lets the deployment pass. */
  readonly letPass: (
    runId: number,
    answer: { readonly environment: string; readonly comment: string },
  ) => Promise<void>;
  /** Ends the deployment. */
  readonly refuse: (runId: number, answer: { readonly environment: string; readonly comment: string }) => Promise<void>;
  /** Ids of the Apps whose rules an environment has; none where the plan offers no such rules. */
  readonly rules: (environment: string) => Promise<readonly number[]>;
  /** Numbers of the pull requests that a commit belongs to, merged or not. */
  readonly pullsOf: (sha: CommitSha) => Promise<readonly number[]>;
};
