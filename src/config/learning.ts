import { z } from "zod";

/** How rules are tried and what is remembered. */
export const LearningSettings = z.strictObject({
  holdOut: z
    .number()
    .min(0.05)
    .max(0.5)
    .default(0.15)
    .describe("Least share of sessions that see a rule, and least share that do not, so that its effect stays known."),
  tokens: z
    .int()
    .min(0)
    .max(20_000)
    .default(1_500)
    .describe("Most tokens of learned rules that one session sees; the weakest are left out, hard rules never."),
  heldAfterDays: z
    .number()
    .positive()
    .max(365)
    .default(14)
    .describe("Days after which a promoted change whose effect is still there counts as held."),
  cooldownHours: z
    .number()
    .nonnegative()
    .max(8_760)
    .default(24)
    .describe("How long no session works on a kind of finding after several changes for it in a row were stopped."),
  cooldownAfter: z
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe("How many changes in a row must have been stopped for that."),
});
export type LearningSettings = z.infer<typeof LearningSettings>;
