import type { Commits } from "../../github/commit-port.ts";
import type { History } from "../../github/history-port.ts";
import type { FoundPull, Host } from "../../github/host-port.ts";
import type { Forge } from "../../github/port.ts";
import type { StateStore } from "../../github/state-port.ts";
import { messageOf, WhetstoneError } from "../../model/error.ts";
import type { CommitSha } from "../../model/json.ts";
import type { Actor } from "../../model/ledger.ts";
import type { RollbackRecord } from "../../model/rollback.ts";
import { type Clock, formatInstant } from "../../model/time.ts";
import { forMarkdown } from "../../protect/sanitise.ts";
import type { RecordedProposal } from "../recorded.ts";
import { changeOfPull } from "./change-of-pull.ts";
import { type DeploySettings, deployKnownGood } from "./deploy.ts";
import { planRevert } from "./plan.ts";
import { recordRollback } from "./record.ts";
import {
  type CleanPlan,
  conflictText,
  needsCare,
  pageIssue,
  proofText,
  revertBody,
  revertTitle,
  revertTrailer,
  type RollbackFacts,
} from "./texts.ts";

/** Every branch that takes a change back starts with this. */
export const ROLLBACK_PREFIX = "whetstone/rollback/";
/** Name of the check run on its commit. */
export const ROLLBACK_CHECK = "Whetstone rollback";

/** The ports of a rollback; all of them are guarded. */
export type RollBackDeps = {
  readonly history: History;
  readonly forge: Pick<Forge, "head">;
  readonly commits: Commits;
  readonly host: Pick<Host, "pulls" | "checks" | "notes" | "deployments"> & {
    readonly workflows: Pick<Host["workflows"], "dispatch">;
    readonly runs: Pick<Host["runs"], "dispatched">;
  };
  readonly state: StateStore;
  readonly clock: Clock;
  /** Account that starts workflows; where it is known, runs that others started are not taken for its own. */
  readonly self?: { readonly login: string };
};

/** A proposal of Whetstone whose merged change is to be taken back. */
export type RollBackOrder = {
  readonly proposal: RecordedProposal;
  readonly pull: FoundPull;
  readonly by: Actor;
  readonly why: string;
  /** Id under which the ledger keeps what belongs together. */
  readonly run: string;
  readonly settings: DeploySettings & { readonly mode: "propose" | "automatic"; readonly page: readonly string[] };
};

/** What became of it. `said` is Markdown; all foreign text in it is harmless. */
export type RolledBack =
  | {
      /** A pull request that takes the change back stands; `deployed` where the last known good version was started besides. */
      readonly kind: "proposed";
      readonly pull: { readonly number: number; readonly url: string };
      readonly deployed: CommitSha | undefined;
      readonly said: string;
    }
  /** Nothing is prepared: later changes stand in the way, and people were told. */
  | { readonly kind: "blocked"; readonly said: string }
  /** There is nothing to take back: not merged, not Whetstone's, or gone already. */
  | { readonly kind: "nothing"; readonly said: string };

/**
 * Takes the merged change of a proposal back: prepares the revert in memory, proves it, and opens a draft pull request with
 * a check run; record, ledger entry and outcome in one commit. Later changes in the way: nothing is prepared, and people
 * are called. Where that is configured the last known good version is deployed besides. Run again at any point, it
 * completes what is missing and doubles nothing. It never merges.
 * @throws WhetstoneError `api_failed`, `stopped`, `ref_moved`, `not_found`, `ledger_broken`
 */
export async function takeBack(deps: RollBackDeps, order: RollBackOrder): Promise<RolledBack> {
  const { pull, by, why, proposal } = order;
  const { number } = pull;
  const head = await deps.forge.head();
  const { mergeSha } = pull;
  if (!pull.merged || mergeSha === undefined) return nothing(`#${number} is not merged; close it instead.`);
  if (pull.base !== head.branch)
    return nothing(`#${number} was merged into ${forMarkdown(pull.base)}, not into the default branch.`);
  if (!(await deps.history.contains(head.sha, mergeSha)))
    return nothing(`The merge of #${number} is not in the history of the default branch (any more).`);
  const change = await changeOfPull(deps.history, { number, mergeSha });
  const plan = await planRevert(deps.history, { ...change, now: head.sha });
  const facts = { pull: number, target: proposal.target, by, why, change, now: head.sha };
  switch (plan.kind) {
    case "nothing":
      return nothing(`Nothing of #${number} is in force any more.`);
    case "conflict":
      return await block(deps, order, { facts, said: conflictText(facts, plan.conflicts) });
    case "clean":
      return await propose(deps, order, { facts, plan, base: head.branch });
  }
}

function nothing(said: string): RolledBack {
  return { kind: "nothing", said };
}

type Blocked = { readonly facts: RollbackFacts; readonly said: string };

async function block(deps: RollBackDeps, order: RollBackOrder, { facts, said }: Blocked): Promise<RolledBack> {
  const record = { ...recordOf(order, facts, deps.clock), verdict: "blocked", digest: null, revert: null } as const;
  await recordRollback(deps, { ...order, record, reasons: ["revert_conflict"] });
  await deps.host.notes.issue(pageIssue(facts, order.settings.page, said));
  const deployed = await deploy(deps, order, facts);
  await comment(deps, facts, [said, deployed.said]);
  return { kind: "blocked", said: joined([said, deployed.said]) };
}

type Proposed = { readonly facts: RollbackFacts; readonly plan: CleanPlan; readonly base: string };

async function propose(deps: RollBackDeps, order: RollBackOrder, { facts, plan, base }: Proposed): Promise<RolledBack> {
  const { host, clock } = deps;
  const { branch, sha } = await commit(deps, order, { facts, plan });
  const body = revertBody(facts, plan);
  const revert = await host.pulls.create({ branch, base, title: revertTitle(facts), body, draft: true });
  if (revert.body.trimEnd() !== body.trimEnd()) await host.pulls.edit(revert.number, { body });
  if (!revert.labels.includes("whetstone")) await host.pulls.label(revert.number, ["whetstone"]);
  await reportProof(deps, { sha, facts, plan });
  const record = {
    ...recordOf(order, facts, clock),
    verdict: "proposed",
    digest: plan.digest,
    revert: { number: revert.number, branch, sha },
  } as const;
  const decided = order.by.type === "person" ? "decided_by_person" : "decided_by_bot";
  await recordRollback(deps, { ...order, record, reasons: ["rollback_proposed", decided] });
  if (needsCare(plan)) {
    const said = `#${revert.number} applies cleanly, but what was merged later may depend on what it removes.\n\n${proofText(facts, plan)}`;
    await host.notes.issue(pageIssue(facts, order.settings.page, said));
  }
  const deployed = await deploy(deps, order, facts);
  const said = `#${revert.number} takes #${facts.pull} back, as a draft: people review and merge it.\n\n${proofText(facts, plan)}`;
  await comment(deps, facts, [said, deployed.said]);
  const pull = { number: revert.number, url: revert.url };
  return { kind: "proposed", pull, deployed: deployed.sha, said: joined([said, deployed.said]) };
}

function commit(deps: RollBackDeps, { proposal }: RollBackOrder, { facts, plan }: Omit<Proposed, "base">) {
  const branch = `${ROLLBACK_PREFIX}${proposal.target}/${proposal.fingerprint.slice(0, 12)}`;
  const trailer = revertTrailer(facts.change.changed);
  const wanted = {
    branch,
    baseSha: facts.now,
    title: revertTitle(facts),
    body: `Takes the change of #${facts.pull} back.\n\n${trailer}`,
    files: plan.files,
    mayReplace: (message: string) => /^Whetstone-Reverts: [0-9a-f]{40}/m.test(message),
  };
  return deps.commits.put(wanted).then(({ sha }) => ({ branch, sha }));
}

async function reportProof({ host }: RollBackDeps, { sha, facts, plan }: Omit<Proposed, "base"> & { sha: CommitSha }) {
  await host.checks.report({
    name: ROLLBACK_CHECK,
    sha,
    externalId: plan.digest,
    conclusion: needsCare(plan) ? "action_required" : "success",
    title: needsCare(plan) ? "Applies cleanly; later changes may depend on it" : "Applies cleanly",
    summary: proofText(facts, plan),
    annotations: [],
  });
}

function recordOf({ proposal, by, why }: RollBackOrder, { pull, change, now }: RollbackFacts, clock: Clock) {
  const { target, fingerprint, dossier } = proposal;
  const { before, changed } = change;
  const at = formatInstant(clock.now());
  const facts = { pull, target, fingerprint, dossier, by, why: why.slice(0, 500), at, before, changed, now };
  return { schema: "whetstone.rollback/1", ...facts, deployment: null } satisfies Partial<RollbackRecord>;
}

/** What was deployed; a deployment that fails is said, and keeps nothing else from being done. */
async function deploy(deps: RollBackDeps, order: RollBackOrder, facts: RollbackFacts) {
  if (order.settings.mode !== "automatic") return { sha: undefined, said: "" };
  try {
    return await deployKnownGood(deps, { ...order.settings, pull: facts.pull, before: facts.change.before });
  } catch (error) {
    if (!(error instanceof WhetstoneError) || error.code === "stopped") throw error;
    const why = forMarkdown(messageOf(error).slice(0, 300));
    return { sha: undefined, said: `**The last known good version was not deployed**: ${why}` };
  }
}

async function comment({ host }: RollBackDeps, { pull }: RollbackFacts, parts: readonly string[]): Promise<void> {
  await host.notes.comment(pull, { purpose: "rollback", body: `### Rollback\n\n${joined(parts)}` });
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("\n\n");
}
