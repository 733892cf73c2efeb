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

/** By the runner's default variables, see GitHub's documentation of workflow variables. */
const context: JobContext = {
  actor: process.env["GITHUB_ACTOR"] ?? "",
  triggeringActor: process.env["GITHUB_TRIGGERING_ACTOR"] ?? "",
  runId: Number.parseInt(process.env["GITHUB_RUN_ID"] ?? "", 10),
  runAttempt: Number.parseInt(process.env["GITHUB_RUN_ATTEMPT"] ?? "1", 10),
  serverUrl: process.env["GITHUB_SERVER_URL"] ?? "https://github.com",
  apiUrl: process.env["GITHUB_API_URL"] ?? "https://api.github.com",
  repo: repositoryOf(process.env["GITHUB_REPOSITORY"] ?? ""),
  stop: process.env[STOP_VARIABLE],
};

function repositoryOf(name: string): JobContext["repo"] {
  const [owner = "", repo = ""] = name.split("/");
  return { owner, repo };
}

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
