import { z } from "zod";
import type { StateView } from "../../github/state-port.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import { CommitSha, Instant } from "../../model/json.ts";
import { Actor } from "../../model/ledger.ts";

/** `canaries/<commit>.json` on the state branch: who had a canary of a commit started, and the run that came of it. */
export const CanaryStart = z.strictObject({
  schema: z.literal("whetstone.canary-start/1"),
  sha: CommitSha,
  pull: z.int().positive(),
  target: z.string(),
  by: Actor,
  /** Id of the delivery that it was asked for by: the same at every attempt. */
  delivery: z.string(),
  at: Instant,
  /** Null until GitHub has named it. */
  run: z.int().positive().nullable(),
});
export type CanaryStart = z.infer<typeof CanaryStart>;

/** Where the start of a commit's canary is on record. */
export function canaryStartPath(sha: CommitSha): string {
  return `canaries/${sha}.json`;
}

/** The start on record. @throws WhetstoneError `ledger_broken` when it cannot be read */
export async function readCanaryStart(view: StateView, sha: CommitSha): Promise<CanaryStart | undefined> {
  const path = canaryStartPath(sha);
  const text = await view.read(path);
  if (text === undefined) return undefined;
  try {
    return CanaryStart.parse(JSON.parse(text));
  } catch (error) {
    throw new WhetstoneError("ledger_broken", `${path} on the state branch is no start: ${messageOf(error)}.`, {
      remedy: "Restore the file from an earlier commit of the branch whetstone/state.",
      cause: error,
    });
  }
}
