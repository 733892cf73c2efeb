import type { FoundPull } from "../../github/host-port.ts";
import type { StateView } from "../../github/state-port.ts";
import { latestPerDossier } from "../../learn/trials.ts";
import { DossierManifest } from "../../model/dossier.ts";
import type { CommitSha, Digest } from "../../model/json.ts";
import type { Outcome } from "../../model/outcome.ts";
import { type Hypothesis, SessionRecord } from "../../model/proposal.ts";
import { parseBranchName } from "../../propose/branch-name.ts";
import { readOutcomes } from "../../protect/outcomes.ts";
import type { RepositoryAccess } from "../repository.ts";

/** What the state branch has on record about the proposal of a pull request. */
export type RecordedProposal = {
  readonly target: string;
  readonly fingerprint: Digest;
  /** Digest of the dossier's manifest, and its id where the manifest is on record. */
  readonly dossier: Digest;
  readonly dossierId: string | undefined;
  /** Commit that the change was validated on; undefined without the manifest. */
  readonly baseSha: CommitSha | undefined;
  /** What the change was to do, and the patch as it was validated; undefined without the session's record. */
  readonly hypothesis: Hypothesis | undefined;
  readonly patch: string | undefined;
  /** The latest outcome. */
  readonly outcome: Outcome;
};

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

/** What is on record about the proposal of a branch; the latest where the same idea was proposed more than once. */
export async function proposalOfBranch(view: StateView, branch: string): Promise<RecordedProposal | undefined> {
  const named = parseBranchName(branch);
  if (named === undefined) return undefined;
  const all = await readOutcomes(view, named.target);
  const known = all.filter(
    ({ fingerprint, status }) => fingerprint.startsWith(named.fingerprintPrefix) && status !== "no_change",
  );
  const proposed = known.filter(({ status, validated }) => status === "proposed" || validated === true);
  const origin = known.find(({ dossier }) => dossier === proposed.at(-1)?.dossier);
  const outcome = origin === undefined ? undefined : latestPerDossier(known).get(origin.dossier);
  return origin === undefined || outcome === undefined ? undefined : await recordOf(view, origin, outcome);
}

/** Ids of a run, its first outcome and its dossier differ in their first letter alone. */
async function recordOf(view: StateView, origin: Outcome, outcome: Outcome): Promise<RecordedProposal> {
  const { target, fingerprint, dossier } = outcome;
  const of = (letter: string): string => origin.id.replace(/^o-/, `${letter}-`);
  const read = async (path: string): Promise<unknown> => parseJson(await view.read(path));
  const manifest = DossierManifest.safeParse(await read(`dossiers/${of("d")}/manifest.json`)).data;
  const answer = SessionRecord.safeParse(await read(`sessions/${of("r")}.json`)).data?.answer;
  const known = manifest?.digest === dossier ? manifest : undefined;
  return {
    target,
    fingerprint,
    dossier,
    dossierId: known?.id,
    baseSha: known?.baseSha,
    hypothesis: answer?.hypothesis,
    patch: answer?.patch,
    outcome,
  };
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined; // a record that cannot be read is one that is not there
  }
}
