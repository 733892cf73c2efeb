import * as core from "@actions/core";
import { context } from "@actions/github";
import { parseEnv } from "../config/env.ts";
import { executeLoop } from "../loop/execute.ts";
import { givenInputs, secretsOf } from "./job.ts";
import { runLoopJob } from "./loop-job.ts";

// The entry of `action.yml`: hands the job to the logic as one argument.
await runLoopJob({
  core: {
    ...core,
    writeSummary: async (markdown) => void (await core.summary.addRaw(markdown).write()),
  },
  context,
  env: parseEnv(process.env),
  secrets: secretsOf(process.env),
  given: givenInputs(process.env),
  workspace: process.env["GITHUB_WORKSPACE"] ?? process.cwd(),
  execute: executeLoop,
});
