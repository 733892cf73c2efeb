/** A run of a workflow. `title`: its `run-name`. */
export type WorkflowRun = {
  readonly id: number;
  readonly title: string;
  /** `queued`, `in_progress`, `completed` and others. */
  readonly status: string;
  /** Set once it is completed: `success`, `failure`, `cancelled` and others. */
  readonly conclusion: string | undefined;
  /** Its page. */
  readonly url: string;
};

/** Runs of workflows that were dispatched. Errors: `api_failed`. */
export type WorkflowRuns = {
  readonly find: (id: number) => Promise<WorkflowRun | undefined>;
  /** Dispatched runs of a workflow file with exactly this title that began no earlier than `since` (RFC 3339), newest first. */
  readonly titled: (file: string, title: string, since: string) => Promise<readonly WorkflowRun[]>;
  /** Asks a run to end; false when it cannot be cancelled any more. */
  readonly cancel: (id: number) => Promise<boolean>;
};
