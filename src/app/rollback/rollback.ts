import type { Actor } from "../../model/ledger.ts";
import { type RolledBack, takeBack } from "../../propose/revert/roll-back.ts";
import type { HandlerContext } from "../handler.ts";
import { proposalOfPull } from "../outcomes/proposal.ts";
import { appSettings } from "../repository.ts";

/** What is asked for: the number of the pull request that was merged, and why it is to be undone. */
export type RollBackRequest = { readonly pull: number; readonly by: Actor; readonly why: string };

/**
 * Takes a merged proposal back: a draft pull request with its proof, and where that is configured a deployment of the last
 * known good version. What is undone follows from the state branch and from commits, never from what a page says.
 * @throws WhetstoneError `api_failed`, `stopped`, `ref_moved`, `ledger_broken`, `config_invalid`
 */
export async function rollBack(
  { repository, clock, event }: Pick<HandlerContext, "repository" | "clock" | "event">,
  { pull, by, why }: RollBackRequest,
): Promise<RolledBack> {
  const found = await proposalOfPull(repository, pull);
  if (found === undefined) {
    return { kind: "nothing", said: `#${pull} is no proposal of Whetstone that is on record here; nothing was done.` };
  }
  const settings = (await appSettings(repository)).rollback;
  const order = { proposal: found, pull: found.pull, by, why, run: event.id, settings };
  return await takeBack({ ...repository, clock }, order);
}
