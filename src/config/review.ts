import { z } from "zod";

/** A second model that looks at each proposal before anything of it is applied. */
export const ReviewSettings = z.strictObject({
  model: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Full id of the model; nobody reviews when absent. It needs ANTHROPIC_API_KEY, whoever runs the session.",
    ),
  timeoutSeconds: z
    .number()
    .positive()
    .max(3_600)
    .default(120)
    .describe("Longest time for its answer; no answer keeps the proposal from going on."),
});
export type ReviewSettings = z.infer<typeof ReviewSettings>;
