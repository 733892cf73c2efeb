import { z } from "zod";

/** GitHub ends what has waited at an environment for 30 days; a day is left for the answer. */
const GATE_DAYS = 29;

/** What a person's approval of a proposal starts. */
const ApprovalSettings = z.strictObject({
  starts: z
    .enum(["nothing", "staging", "canary"])
    .default("nothing")
    .describe("What an approving review of a proposal starts by itself."),
  environment: z
    .string()
    .min(1)
    .max(255)
    .default("staging")
    .describe(
      "Environment of the deployment that starts: staging makes; workflows that listen to deployments carry it out.",
    ),
});

/** How the deployment protection rule decides, and how a canary is started. */
const GateSettings = z.strictObject({
  unknown: z
    .enum(["approve", "reject"])
    .default("reject")
    .describe("What becomes of a deployment that belongs to no proposal."),
  windowMinutes: z
    .number()
    .nonnegative()
    .max(GATE_DAYS * 1_440)
    .default(10)
    .describe("Shortest time that a canary is watched before it may pass; harm ends it at once."),
  deadlineMinutes: z
    .number()
    .positive()
    .max(GATE_DAYS * 1_440)
    .default(1_440)
    .describe("An undecided canary ends then."),
  atDeadline: z
    .enum(["reject", "wait"])
    .default("reject")
    .describe(
      "What becomes of an undecided canary at the deadline: it is rejected, or waits for people until GitHub ends it.",
    ),
  minimumCalls: z.int().min(2).default(20).describe("Fewest calls of each version before a canary may pass."),
  weight: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe(
      "Share of the sessions that the split sends to the canary, where it is fixed: exchanged versions are then found.",
    ),
  lookSeconds: z.number().min(1).max(86_400).default(60).describe("Time between two looks at a canary."),
  workflow: z
    .string()
    .regex(/^[A-Za-z0-9._-]+\.ya?ml$/)
    .default("whetstone-canary.yml")
    .describe("File of the workflow that deploys a canary, in .github/workflows."),
  environment: z
    .string()
    .min(1)
    .max(255)
    .default("production")
    .describe("Environment before which the rule stands; without the rule the same decision is a check run."),
});

/** A user name of GitHub, or a team of an organisation. */
const Addressee = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:\/[A-Za-z0-9._-]{1,100})?$/);
const WorkflowFile = z.string().regex(/^[A-Za-z0-9._-]+\.ya?ml$/);

/** What happens when a canary is bad. */
const RollbackSettings = z.strictObject({
  mode: z
    .enum(["propose", "automatic"])
    .default("propose")
    .describe("Whether a rollback is prepared and explained, or the last known good version is deployed besides."),
  page: z
    .array(Addressee)
    .default([])
    .describe("User names, and teams as org/team, that are told when a person is needed."),
  workflow: WorkflowFile.default("whetstone-restore.yml").describe(
    "File of the workflow that deploys a version, in .github/workflows; it gets the inputs sha, reason and key.",
  ),
  environment: z
    .string()
    .min(1)
    .max(255)
    .default("production")
    .describe("Environment of which the last successful deployment without the change is the last known good version."),
});

/** How commands start the loop. */
const LoopSettings = z.strictObject({
  workflow: WorkflowFile.default("whetstone.yml").describe(
    "File of the workflow that runs the loop, in .github/workflows; it gets the input request besides its own.",
  ),
});

/** What a stop switches off besides. */
const StopSettings = z.strictObject({
  workflows: z
    .array(WorkflowFile)
    .default([])
    .describe(
      "Workflow files that a stop switches off although they call nothing of Whetstone, such as a deployment's.",
    ),
});

/** Settings of the GitHub App; they count as they stand on the default branch. */
export const AppSettings = z.strictObject({
  bots: z.array(z.int().positive()).default([]).describe("Ids of accounts of bots whose slash commands are heard."),
  approval: ApprovalSettings.prefault({}),
  loop: LoopSettings.prefault({}),
  gate: GateSettings.prefault({}),
  rollback: RollbackSettings.prefault({}),
  stop: StopSettings.prefault({}),
});
export type AppSettings = z.infer<typeof AppSettings>;
