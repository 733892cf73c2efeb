import { executeLoop } from "../loop/execute.ts";
import { runRelayJob } from "../loop/relay.ts";
import type { RelayJob } from "../loop/relay-jobs.ts";
import { runLoopJob } from "./loop-job.ts";
import { runRelayAction } from "./relay-job.ts";
import { surroundings } from "./surroundings.ts";

/** Does the work of one job's action in the process of its step. */
export function runRelayStep(job: RelayJob): Promise<void> {
  return runRelayAction({ ...surroundings, job, execute: runRelayJob });
}

/** Runs the whole loop in the process of one step. */
export function runLoopStep(): Promise<void> {
  return runLoopJob({ ...surroundings, execute: executeLoop });
}
