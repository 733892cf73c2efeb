import * as core from "@actions/core";
import { context as github } from "@actions/github";
import { parseEnv } from "../config/env.ts";
import { executeLoop } from "../loop/execute.ts";
import { runRelayJob } from "../loop/relay.ts";
import type { RelayJob } from "../loop/relay-jobs.ts";
import { givenInputs, type JobContext, secretsOf, type Toolkit } from "./job.ts";
import { runLoopJob } from "./loop-job.ts";
import { runRelayAction } from "./relay-job.ts";

const toolkit: Toolkit = {
  ...core,
  writeSummary: async (markdown) => void (await core.summary.addRaw(markdown).write()),
};

const { actor, runId, runAttempt, serverUrl, apiUrl } = github;
const context: JobContext = {
  actor,
  runId,
  runAttempt,
  serverUrl,
  apiUrl,
  triggeringActor: process.env["GITHUB_TRIGGERING_ACTOR"] ?? "",
  get repo() {
    return github.repo;
  },
};

const surroundings = {
  core: toolkit,
  context,
  env: parseEnv(process.env),
  secrets: secretsOf(process.env),
  given: givenInputs(process.env),
  workspace: process.env["GITHUB_WORKSPACE"] ?? process.cwd(),
};

/** Does the work of one job's action in the process of its step. */
export function runRelayStep(job: RelayJob): Promise<void> {
  return runRelayAction({ ...surroundings, job, execute: runRelayJob });
}

/** Runs the whole loop in the process of one step. */
export function runLoopStep(): Promise<void> {
  return runLoopJob({ ...surroundings, execute: executeLoop });
}
