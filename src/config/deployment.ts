import { z } from "zod";

const Hook = z.string().min(1).optional();

const Step = z.strictObject({
  percent: z.number().gt(0).lt(100).describe("Share of new sessions that go to the candidate, percent."),
  minutes: z.number().nonnegative().default(10).describe("Shortest time at this share."),
});

const STEPS = [5, 25, 50].map((percent) => ({ percent, minutes: 10 }));

/** How a candidate is brought to all traffic (`whetstone canary run`). Commands get WHETSTONE_CANDIDATE, _TARGET, _ROLLOUT, _PERCENT. */
export const DeploymentSettings = z
  .strictObject({
    adminUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe("Admin endpoint of `whetstone proxy --admin-port`; the share of sessions is set there."),
    expose: Hook.describe(
      "Shell command that sends WHETSTONE_PERCENT of the sessions to the candidate, instead of adminUrl.",
    ),
    stage: Hook.describe("Shell command that deploys the candidate to staging; without it there is no staging."),
    check: Hook.describe("Shell command of smoke tests and specifications against staging; exit 0 passes."),
    promote: z.string().min(1).describe("Shell command that makes the candidate the baseline."),
    rollback: Hook.describe("Shell command that takes the candidate away, after its traffic is gone."),
    steps: z.array(Step).min(1).default(STEPS),
    soakMinutes: z.number().nonnegative().default(10).describe("How long the candidate is watched at staging."),
    minimumCalls: z.int().nonnegative().default(20).describe("Calls that the candidate must have had at a step."),
    deadlineMinutes: z.number().positive().default(1_440).describe("An undecided canary ends then."),
    atDeadline: z.enum(["inconclusive", "rollback"]).default("inconclusive"),
    hookMinutes: z.number().positive().max(1_440).default(10).describe("Limit of each command."),
    hookAttempts: z.int().min(1).max(20).default(3),
    lookSeconds: z.number().positive().default(60).describe("Time between two looks of the judge."),
  })
  .refine(({ adminUrl, expose }) => (adminUrl === undefined) !== (expose === undefined), {
    error: "give adminUrl or expose, one of them",
  })
  .refine(({ stage, check }) => stage === undefined || check !== undefined, {
    error: "a stage command needs a check command",
    path: ["check"],
  })
  .refine(({ steps }) => steps.every(({ percent }, i) => percent > (steps[i - 1]?.percent ?? 0)), {
    error: "the shares must rise from step to step",
    path: ["steps"],
  });
export type DeploymentSettings = z.infer<typeof DeploymentSettings>;
