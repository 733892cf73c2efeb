import { z } from "zod";

const Hook = z.string().min(1).optional();

const Step = z.strictObject({
  percent: z.number().gt(0).lt(100).describe("Share of new sessions that go to the candidate, percent."),
  minutes: z.number().nonnegative().default(10).describe("Shortest time at this share."),
});

const STEPS = [5, 25, 50].map((percent) => ({ percent, minutes: 10 }));

/** Hooks that are run by GitHub: each is a deployment with its states, and a run of a workflow where one is named. */
export const GitHubDeploymentSettings = z.strictObject({
  repository: z
    .string()
    .regex(/^[A-Za-z0-9-]+\/[A-Za-z0-9._-]+$/)
    .optional()
    .describe("owner/name; GITHUB_REPOSITORY when absent. The token is GITHUB_TOKEN."),
  workflow: z
    .string()
    .regex(/^[A-Za-z0-9._-]+\.ya?ml$/)
    .optional()
    .describe(
      "File name of a workflow that is dispatched for each hook, as in workflows/whetstone-deploy.yml; without it, whatever deploys on GitHub's deployment event sets the deployment's state.",
    ),
  ref: z.string().min(1).default("main").describe("Branch whose workflow is dispatched."),
  environment: z.string().min(1).max(255).default("production"),
  stagingEnvironment: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe(
      "Environment of the hooks stage and check; without it, and without a stage command, there is no staging.",
    ),
  pollSeconds: z.number().positive().max(600).default(10).describe("Time between two looks at a deployment."),
});
export type GitHubDeploymentSettings = z.infer<typeof GitHubDeploymentSettings>;

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
    promote: Hook.describe("Shell command that makes the candidate the baseline."),
    rollback: Hook.describe("Shell command that takes the candidate away, after its traffic is gone."),
    github: GitHubDeploymentSettings.optional().describe("Hooks without a command are run by GitHub."),
    steps: z.array(Step).min(1).default(STEPS),
    soakMinutes: z.number().nonnegative().default(10).describe("How long the candidate is watched at staging."),
    minimumCalls: z.int().nonnegative().default(20).describe("Calls that the candidate must have had at a step."),
    deadlineMinutes: z.number().positive().default(1_440).describe("An undecided canary ends then."),
    atDeadline: z.enum(["inconclusive", "rollback"]).default("inconclusive"),
    hookMinutes: z.number().positive().max(1_440).default(10).describe("Limit of each command."),
    hookAttempts: z.int().min(1).max(20).default(3),
    lookSeconds: z.number().positive().default(60).describe("Time between two looks of the judge."),
  })
  .refine(({ adminUrl, expose, github }) => [adminUrl, expose, github].some((way) => way !== undefined), {
    error: "give adminUrl or expose, one of them, or github",
  })
  .refine(({ adminUrl, expose }) => adminUrl === undefined || expose === undefined, {
    error: "give adminUrl or expose, one of them",
  })
  .refine(({ promote, github }) => promote !== undefined || github !== undefined, {
    error: "give promote, or github",
    path: ["promote"],
  })
  .refine(
    ({ stage, check, github }) =>
      stage === undefined || check !== undefined || github?.stagingEnvironment !== undefined,
    {
      error: "a stage command needs a check command",
      path: ["check"],
    },
  )
  .refine(({ steps }) => steps.every(({ percent }, i) => percent > (steps[i - 1]?.percent ?? 0)), {
    error: "the shares must rise from step to step",
    path: ["steps"],
  });
export type DeploymentSettings = z.infer<typeof DeploymentSettings>;
