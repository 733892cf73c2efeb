import { z } from "zod";
import type { StateView } from "../../github/state-port.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import { CommitSha, Instant } from "../../model/json.ts";

/** `approvals/<pull>.json` on the state branch: how the approval of a proposal's pull request stands, and since when. */
export const ApprovalRecord = z.strictObject({
  schema: z.literal("whetstone.approval/1"),
  pull: z.int().positive(),
  target: z.string(),
  kind: z.enum(["approved", "stale", "missing"]),
  /** Who approved; null when nobody has. */
  by: z.string().nullable(),
  /** The commit that was approved. */
  sha: CommitSha.nullable(),
  /** The head of the pull request then. */
  head: CommitSha.nullable(),
  at: Instant,
});
export type ApprovalRecord = z.infer<typeof ApprovalRecord>;

const pathOf = (pull: number): string => `approvals/${pull}.json`;

/** The file of a record and its text, for a change of the state. */
export function approvalFile(record: ApprovalRecord): readonly [path: string, text: string] {
  return [pathOf(record.pull), `${JSON.stringify(ApprovalRecord.parse(record), undefined, 1)}\n`];
}

/** What is on record about a pull request. @throws WhetstoneError `ledger_broken` when it cannot be read */
export async function readApproval(view: StateView, pull: number): Promise<ApprovalRecord | undefined> {
  const path = pathOf(pull);
  const text = await view.read(path);
  if (text === undefined) return undefined;
  try {
    return ApprovalRecord.parse(JSON.parse(text));
  } catch (error) {
    throw new WhetstoneError("ledger_broken", `${path} on the state branch is no approval: ${messageOf(error)}.`, {
      remedy: "Restore the file from an earlier commit of the branch whetstone/state.",
      cause: error,
    });
  }
}
