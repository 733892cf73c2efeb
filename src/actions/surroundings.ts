import {
  endGroup,
  error,
  getInput,
  info,
  notice,
  setFailed,
  setOutput,
  setSecret,
  startGroup,
  summary,
  warning,
} from "@actions/core";
import { context as github } from "@actions/github";
import { parseEnv } from "../config/env.ts";
import { STOP_VARIABLE } from "../model/stop.ts";
import { givenInputs, type JobContext, secretsOf, type Toolkit } from "./job.ts";

// Member by member: as a whole it would bring the HTTP client of what is not used, a third of all bundles.
const toolkit: Toolkit = {
  getInput,
  setOutput,
  setSecret,
  info,
  notice,
  warning,
  error,
  startGroup,
  endGroup,
  setFailed,
  writeSummary: async (markdown) => void (await summary.addRaw(markdown).write()),
};

const { actor, runId, runAttempt, serverUrl, apiUrl } = github;
const context: JobContext = {
  actor,
  // The toolkit does not know who started a rerun.
  triggeringActor: process.env["GITHUB_TRIGGERING_ACTOR"] ?? "",
  runId,
  runAttempt: Number.isNaN(runAttempt) ? 1 : runAttempt,
  serverUrl,
  apiUrl,
  get repo() {
    return github.repo;
  },
  stop: process.env[STOP_VARIABLE],
};

/** What the runner gave the process of this step: the one place of this room that reads it. */
export const surroundings = {
  core: toolkit,
  context,
  env: parseEnv(process.env),
  variables: process.env,
  secrets: secretsOf(process.env),
  get given() {
    return givenInputs(process.env);
  },
  workspace: process.env["GITHUB_WORKSPACE"] ?? process.cwd(),
};

/** An input that only the entry of the repository's own action knows: it is gone for what runs then. */
export function takeInput(name: string): string {
  const value = getInput(name);
  delete process.env[`INPUT_${name.toUpperCase()}`];
  return value;
}
