import { stopOnGitHub } from "../loop/on-github.ts";
import { runStopJob } from "./stop-job.ts";
import { surroundings } from "./surroundings.ts";

// The entry of `actions/stop/action.yml`.
await runStopJob({ ...surroundings, act: stopOnGitHub });
