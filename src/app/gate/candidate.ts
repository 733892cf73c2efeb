import type { AppSettings } from "../../config/app.ts";
import type { WorkflowRun } from "../../github/runs-port.ts";
import type { CommitSha } from "../../model/json.ts";
import { proposalOfPull, type PullProposal } from "../outcomes/proposal.ts";
import type { RepositoryAccess } from "../repository.ts";

/** What a run deploys, and the proposal behind it where there is one. */
export type Candidate = { readonly sha: CommitSha; readonly proposal: PullProposal | undefined };

/** The title of a run of the canary workflow: its `run-name`, by which a run that was started is found again. */
export function canaryTitle({ sha, pull }: { readonly sha: CommitSha; readonly pull: number }): string {
  return `Canary ${sha} of pull request ${pull}`;
}

const TITLE = /^Canary ([0-9a-f]{40}|[0-9a-f]{64}) of pull request ([1-9]\d{0,9})$/;

/** File of the canary workflow as GitHub names it. */
export function canaryPath({ workflow }: Pick<AppSettings["gate"], "workflow">): string {
  return `.github/workflows/${workflow}`;
}

/**
 * What a run deploys. A run of the canary workflow of the default branch says so in its title, which that workflow makes
 * of its inputs; every other one deploys the commit that it runs. The proposal is the one whose head or merge is exactly
 * that commit.
 * @throws WhetstoneError `api_failed`, `ledger_broken`
 */
export async function candidateOf(
  repository: Pick<RepositoryAccess, "host" | "state">,
  run: WorkflowRun,
  settings: Pick<AppSettings["gate"], "workflow">,
): Promise<Candidate> {
  const { host } = repository;
  const stated = await statedIn(repository, run, settings);
  const sha = stated?.sha ?? run.headSha;
  for (const number of stated === undefined ? await host.gates.pullsOf(sha) : [stated.pull]) {
    const proposal = await proposalOfPull(repository, number);
    if (proposal !== undefined && isOf(proposal, sha)) return { sha, proposal };
  }
  return { sha, proposal: undefined };
}

function isOf({ pull }: PullProposal, sha: CommitSha): boolean {
  return pull.headSha === sha || (pull.merged && pull.mergeSha === sha);
}

async function statedIn(
  { host }: Pick<RepositoryAccess, "host">,
  run: WorkflowRun,
  settings: Pick<AppSettings["gate"], "workflow">,
): Promise<{ readonly sha: CommitSha; readonly pull: number } | undefined> {
  const [, sha, pull] = TITLE.exec(run.title) ?? [];
  if (sha === undefined || pull === undefined) return undefined;
  const isDispatched = run.event === "workflow_dispatch" && run.path === canaryPath(settings) && run.ownCode;
  if (!isDispatched || run.branch !== (await host.repository.facts()).defaultBranch) return undefined;
  return { sha, pull: Number(pull) };
}
