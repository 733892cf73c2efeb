import { z } from "zod";
import { CommitSha, Instant } from "./json.ts";
import { Actor } from "./ledger.ts";

/** `app/runs/<comment>.json` on the state branch: a run of the loop that somebody asked the App for by a comment. */
export const AskedRun = z.strictObject({
  schema: z.literal("whetstone.asked-run/1"),
  /** Id of the comment: the input `request` of the workflow, and part of its run's title. */
  comment: z.int().positive(),
  /** Number of the issue or pull request. */
  conversation: z.int().positive(),
  word: z.enum(["analyze", "refine", "validate"]),
  target: z.string(),
  by: Actor,
  /** Name of the App's account, which starts the workflow in the person's place. */
  app: z.string(),
  at: Instant,
  workflow: z.string(),
  inputs: z.record(z.string(), z.string()),
  /** The permission that was used up for it, and the commit of the default branch that it is about. */
  permission: z.strictObject({ authorization: z.string(), baseSha: CommitSha }).nullable(),
  /** Id of the workflow run; null until GitHub has named it. */
  run: z.int().positive().nullable(),
  /** Id of the run of the loop that its gate let in; its permission is good for that one. */
  loop: z.string().nullable(),
});
export type AskedRun = z.infer<typeof AskedRun>;
