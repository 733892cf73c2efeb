import type { CommitSha } from "../model/json.ts";

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
