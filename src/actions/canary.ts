import { setTimeout as sleep } from "node:timers/promises";
import { runGateStep } from "../loop/gate-step.ts";
import { systemClock } from "../wire.ts";
import { runCanaryJob } from "./canary-job.ts";
import { surroundings } from "./surroundings.ts";

// The entry of `actions/canary/action.yml`.
await runCanaryJob({
  ...surroundings,
  clock: systemClock,
  untilNextLook: (ms) => sleep(ms),
  execute: runGateStep,
});
