import type { StateView } from "../github/state-port.ts";
import { DossierManifest } from "../model/dossier.ts";
import type { CommitSha, Digest } from "../model/json.ts";
import type { Outcome } from "../model/outcome.ts";
import { type Hypothesis, SessionRecord } from "../model/proposal.ts";
import { readOutcomes } from "../protect/outcomes.ts";
import { parseBranchName } from "./branch-name.ts";

/** What the state branch has on record about a proposal. */
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
  /** The first outcome, with which the proposal came to be known, and the latest. */
  readonly origin: Outcome;
  readonly outcome: Outcome;
};

/**
 * What is on record about the proposal of a branch; the latest where the same idea was proposed more than once. Undefined
 * for other branches and for what is not on record: what a pull request says of itself counts for nothing.
 * @throws WhetstoneError `ledger_broken`
 */
export async function proposalOfBranch(view: StateView, branch: string): Promise<RecordedProposal | undefined> {
  const named = parseBranchName(branch);
  if (named === undefined) return undefined;
  const all = await readOutcomes(view, named.target);
  const known = all.filter(
    ({ fingerprint, status }) => fingerprint.startsWith(named.fingerprintPrefix) && status !== "no_change",
  );
  const proposed = known.findLast(({ status, validated }) => status === "proposed" || validated === true);
  const own = known.filter(({ dossier }) => dossier === proposed?.dossier);
  const [origin, outcome] = [firstOf(own), own.at(-1)];
  return origin === undefined || outcome === undefined ? undefined : await recordOf(view, origin, outcome);
}

/** With equal times the one with the shortest id: later ones are named after the first. */
export function firstOf(outcomes: readonly Outcome[]): Outcome | undefined {
  const earliest = outcomes.filter(({ at }) => at === outcomes[0]?.at);
  return earliest.toSorted((a, b) => a.id.length - b.id.length)[0];
}

/** Ids of a run, its first outcome and its dossier differ in their first letter alone. */
async function recordOf(view: StateView, origin: Outcome, outcome: Outcome): Promise<RecordedProposal> {
  const { target, fingerprint, dossier } = origin;
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
    origin,
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
