import { z } from "zod";

/** What a person's approval of a proposal starts. */
const ApprovalSettings = z.strictObject({
  starts: z
    .enum(["nothing", "staging", "canary"])
    .default("nothing")
    .describe("What an approving review of a proposal starts by itself."),
});

/** How the deployment protection rule decides. */
const GateSettings = z.strictObject({
  unknown: z
    .enum(["approve", "reject"])
    .default("reject")
    .describe("What becomes of a deployment that belongs to no proposal."),
});

/** What happens when a canary is bad. */
const RollbackSettings = z.strictObject({
  mode: z
    .enum(["propose", "automatic"])
    .default("propose")
    .describe("Whether a rollback is prepared and explained, or carried out besides."),
  page: z.array(z.string().min(1)).default([]).describe("User names that are told when a person is needed."),
});

/** Settings of the GitHub App; they count as they stand on the default branch. */
export const AppSettings = z.strictObject({
  bots: z.array(z.int().positive()).default([]).describe("Ids of accounts of bots whose slash commands are heard."),
  approval: ApprovalSettings.prefault({}),
  gate: GateSettings.prefault({}),
  rollback: RollbackSettings.prefault({}),
});
export type AppSettings = z.infer<typeof AppSettings>;
