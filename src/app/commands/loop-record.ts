import { z } from "zod";
import type { StateView } from "../../github/state-port.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import { CommitSha, Instant } from "../../model/json.ts";
import { Actor } from "../../model/ledger.ts";

/** `app/runs/<comment>.json` on the state branch: a run of the loop that somebody asked for by a comment. */
export const AskedRun = z.strictObject({
  schema: z.literal("whetstone.asked-run/1"),
  /** Id of the comment: the input `request` of the workflow, and part of its run's title. */
  comment: z.int().positive(),
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
  /** Null until GitHub has named it. */
  run: z.int().positive().nullable(),
});
export type AskedRun = z.infer<typeof AskedRun>;

/** Where it is on record. */
export function askedRunPath(comment: number): string {
  return `app/runs/${comment}.json`;
}

/** What is on record about a comment. @throws WhetstoneError `ledger_broken` when it cannot be read */
export async function readAskedRun(view: StateView, comment: number): Promise<AskedRun | undefined> {
  const path = askedRunPath(comment);
  const text = await view.read(path);
  if (text === undefined) return undefined;
  try {
    return AskedRun.parse(JSON.parse(text));
  } catch (error) {
    throw new WhetstoneError("ledger_broken", `${path} on the state branch is no run: ${messageOf(error)}.`, {
      remedy: "Restore the file from an earlier commit of the branch whetstone/state.",
      cause: error,
    });
  }
}
