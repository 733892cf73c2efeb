import { z } from "zod";
import { CanaryVerdict } from "../model/verdict.ts";
import { AaRates } from "./live-aa.ts";
import { Rollout } from "./rollout-record.ts";

/** How a rollout stands, with what its judge says at this moment. */
export const RolloutStatus = z.strictObject({
  rollout: Rollout,
  /** Absent where the judge is not asked in this phase. */
  verdict: CanaryVerdict.optional(),
  /** The judge's own error rates on live arms; absent before the first period of an A/A. */
  aa: AaRates.optional(),
});
export type RolloutStatus = z.infer<typeof RolloutStatus>;
