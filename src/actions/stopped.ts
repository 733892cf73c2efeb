import { lookStopped } from "../loop/look-stopped.ts";
import { runStoppedJob } from "./stopped-job.ts";
import { surroundings } from "./surroundings.ts";

// The entry of `actions/stopped/action.yml`.
await runStoppedJob({ ...surroundings, look: lookStopped });
