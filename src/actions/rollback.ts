import { rollBackOnGitHub } from "../loop/on-github.ts";
import { runRollbackJob } from "./rollback-job.ts";
import { surroundings } from "./surroundings.ts";

// The entry of `actions/rollback/action.yml`.
await runRollbackJob({ ...surroundings, act: rollBackOnGitHub });
