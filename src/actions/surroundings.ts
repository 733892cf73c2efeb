import * as core from "@actions/core";
import { context as github } from "@actions/github";
import { parseEnv } from "../config/env.ts";
import { givenInputs, type JobContext, secretsOf, type Toolkit } from "./job.ts";

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
  const value = core.getInput(name);
  delete process.env[`INPUT_${name.toUpperCase()}`];
  return value;
}
