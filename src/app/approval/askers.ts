import type { StateView } from "../../github/state-port.ts";
import { newestAskedRuns } from "../../protect/asked-runs.ts";
import { readLedger } from "../../protect/ledger.ts";
import { proposalOfPull } from "../outcomes/proposal.ts";
import type { RepositoryAccess } from "../repository.ts";

/**
 * Names of the people who asked for the run that a proposal comes from: whom the ledger names as having started it, and
 * in whose place the App did. Empty for what is no proposal on record.
 * @throws WhetstoneError `api_failed`, `ledger_broken`
 */
export async function askersOf(
  repository: Pick<RepositoryAccess, "host" | "state">,
  pull: number,
): Promise<readonly string[]> {
  const proposal = await proposalOfPull(repository, pull);
  if (proposal === undefined) return [];
  const run = proposal.origin.id.replace(/^o-/, "r-");
  const view = await repository.state.view();
  return [...(await startersOf(view, run)), ...(await askedFor(view, run))];
}

async function startersOf(view: StateView, run: string): Promise<readonly string[]> {
  const { records } = await readLedger(view);
  const starts = records.filter((record) => record.run === run && record.operation === "loop.start");
  // A workflow's id ends with the account that started it.
  return starts.map(({ actor }) => (actor.type === "workflow" ? actor.id.replace(/^.* by /, "") : actor.id));
}

async function askedFor(view: StateView, run: string): Promise<readonly string[]> {
  const asked = await newestAskedRuns(view);
  return asked.filter(({ loop }) => loop === run).map(({ by }) => by.id);
}
