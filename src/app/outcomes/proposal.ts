import type { FoundPull } from "../../github/host-port.ts";
import { proposalOfBranch, type RecordedProposal } from "../../propose/recorded.ts";
import type { RepositoryAccess } from "../repository.ts";

/** A pull request of Whetstone and what is on record about it. */
export type PullProposal = RecordedProposal & { readonly pull: FoundPull };

/**
 * The proposal behind a pull request: one from a proposal branch of this repository whose fingerprint the state branch
 * has on record. What the pull request says of itself counts for nothing, since anybody who may write can edit it.
 * Undefined for every other pull request.
 * @throws WhetstoneError `api_failed`, `ledger_broken`
 */
export async function proposalOfPull(
  { host, state }: Pick<RepositoryAccess, "host" | "state">,
  number: number,
): Promise<PullProposal | undefined> {
  const pull = await host.pulls.find(number);
  if (pull === undefined || pull.fork) return undefined;
  const recorded = await proposalOfBranch(await state.view(), pull.branch);
  return recorded === undefined ? undefined : { ...recorded, pull };
}
