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

/** A workflow run that has not ended: it is queued, waits at a gate, or runs. */
export type RunUnderWay = {
  readonly id: number;
  /** Path of its workflow's file. */
  readonly path: string;
  readonly title: string;
  /** GitHub's word for where it stands. */
  readonly status: string;
  /** Its page. */
  readonly url: string;
};

/** Workflow runs and how they are ended. Errors: `api_failed`; ending one again changes nothing. */
export type Runs = {
  readonly underWay: () => Promise<readonly RunUnderWay[]>;
  /** Asks a run to end, gates that it waits at included; false when it has ended already. */
  readonly cancel: (id: number) => Promise<boolean>;
  /** Ends a run whose jobs go on in spite of that (`always()`); false when it has ended already. */
  readonly forceCancel: (id: number) => Promise<boolean>;
};
