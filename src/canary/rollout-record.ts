import { z } from "zod";
import { Instant } from "../model/json.ts";
import { ReasonCodeSchema } from "../model/verdict.ts";

const Milliseconds = z.number().nonnegative();

/** How a candidate is brought to all traffic; fixed when the rollout begins. */
export const RolloutPlan = z.strictObject({
  /** Shares of the sessions that go to the canary, percent, rising ({@link sharesRise}), and the shortest time at each. */
  steps: z.array(z.strictObject({ percent: z.number().gt(0).lt(100), minimumMs: Milliseconds })).min(1),
  /** Calls that the canary must have had at a step before the next. */
  minimumCalls: z.int().nonnegative(),
  /** Whether the candidate is deployed to staging and checked there first, and how long it is watched there. */
  staging: z.strictObject({ soakMs: Milliseconds }).nullable(),
  /** From the first step on, ms: an undecided canary ends then. */
  deadlineMs: z.number().positive(),
  /** What an undecided canary becomes at the deadline. */
  atDeadline: z.enum(["inconclusive", "rollback"]),
  /** Limit of each hook, ms, and how often a failing one is tried. */
  hookMs: z.number().positive(),
  hookAttempts: z.int().min(1),
});
export type RolloutPlan = z.infer<typeof RolloutPlan>;

/** Whether each step's share is above the one before. A JSON Schema cannot ask for it, so the schema does not either. */
export function sharesRise({ steps }: Pick<RolloutPlan, "steps">): boolean {
  return steps.every(({ percent }, i) => percent > (steps[i - 1]?.percent ?? 0));
}

/** Where a rollout stands. */
export const RolloutPhase = z.enum([
  "staging_deploy",
  "staging_check",
  "staging_soak",
  "staging_recheck",
  "exposure_change",
  "exposure",
  "promotion",
  "rollback",
  "promoted",
  "rolled_back",
  "held",
  "failed",
]);
export type RolloutPhase = z.infer<typeof RolloutPhase>;

const Move = z.strictObject({
  at: Instant,
  phase: RolloutPhase,
  /** Step of the exposure, from 0. */
  step: z.int().nonnegative(),
  reasons: z.array(ReasonCodeSchema).min(1),
  /** For people: what a hook said, or who decided. */
  detail: z.string(),
});

/** A rollout as it is kept: enough to go on after any interruption. */
export const Rollout = z.strictObject({
  schema: z.literal("whetstone.rollout/1"),
  id: z.string().min(1),
  target: z.string().min(1),
  /** What is rolled out, such as a commit. */
  candidate: z.string().min(1),
  plan: RolloutPlan,
  phase: RolloutPhase,
  step: z.int().nonnegative(),
  /** How often the hook of this phase has failed. */
  attempts: z.int().nonnegative(),
  /** When this phase began, and when the first share of traffic was sent to the canary. */
  since: Instant,
  exposedSince: Instant.nullable(),
  /** When the share of traffic was changed. */
  changes: z.array(Instant),
  /** Grows with every change: who writes must have read the one before. */
  revision: z.int().nonnegative(),
  /** Every phase, in order. */
  history: z.array(Move).min(1),
});
export type Rollout = z.infer<typeof Rollout>;
