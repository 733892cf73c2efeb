import type { Env } from "../config/env.ts";
import type { LoopReport } from "../flow.ts";
import type { StageResult } from "../model/dossier.ts";
import type { Actor } from "../model/ledger.ts";
import type { JobRun } from "../model/step-verdict.ts";
import type { Places } from "../wire.ts";
import type { MadeIn } from "./publish.ts";
import type { RelayJob } from "./relay-jobs.ts";
import type { Asked } from "./relay-order.ts";

/** One job of a relay. */
export type RelayRequest = {
  readonly job: RelayJob;
  readonly places: Places;
  readonly env: Env;
  readonly actor: Actor;
  /** Asked of the first job only; later ones take that of the dossier. */
  readonly target: string | undefined;
  /**
   * Folder of the dossier that the last job left, and the digest that it gave; absent for the first job. For the jobs
   * that write it may be a folder with the dossiers of several jobs and attempts, of which it is one.
   */
  readonly earlier?: {
    readonly path: string;
    readonly digest: string;
    /** Digest that the job `detect` gave, whose dossier lies in a folder below `path`: for the jobs that come after the change was executed. */
    readonly detected?: string | undefined;
  };
  /** Jobs that ended without a word, for the one that records. */
  readonly lost?: { readonly job: string; readonly result: string };
  /** Write no branch and record nothing. */
  readonly dryRun: boolean;
  /** Page of the workflow run. */
  readonly url?: string;
  /** Names of the accounts that started the workflow run; the first of them asked for it. */
  readonly startedBy?: readonly string[];
  /** The attempt of the workflow run that the job is part of; absent outside a workflow. */
  readonly workflow?: JobRun | undefined;
  /** The workflow run and the session's artifact that the job speaks of; absent outside a workflow. */
  readonly madeIn?: MadeIn | undefined;
  /** Of the first job: what is asked for; it only looks when absent. */
  readonly asked?: Asked | undefined;
  /** Of the first job: a person's authorization, as its token. */
  readonly authorization?: string | undefined;
  /** Digest of the gate's order, as the gate announced it to this job. */
  readonly order?: string | undefined;
  /** Whether the kill switch is set, where the job holds no token to look itself. */
  readonly stopped?: boolean | undefined;
  /** The whole environment, for the model's key in the jobs that ask one. */
  readonly variables?: Readonly<Record<string, string | undefined>> | undefined;
};

/** What a job leaves: the dossier so far with its digest, and what its last stage concluded. */
export type RelayEnd = {
  readonly path: string;
  readonly digest: string;
  /** Id of the run that the job is part of. */
  readonly run: string;
  /** What all stages so far concluded, and the last of them. */
  readonly stages: readonly StageResult[];
  readonly last: StageResult;
  /** Whether the next stage may run. */
  readonly go: boolean;
  /** Of the job that records. */
  readonly report?: LoopReport;
  /** The session's answer was a recording; everything else was measured. */
  readonly recordedAnswer: boolean;
  /** Digest of the order that the gate gave, for the jobs behind it. */
  readonly order?: string;
};
