import type { FoundPull } from "../../github/host-port.ts";
import { closingNote } from "../../learn/closing.ts";
import type { ReasonCode } from "../../model/codes.ts";
import { codeOf } from "../../model/error.ts";
import type { Actor } from "../../model/ledger.ts";
import { RollbackRecord } from "../../model/rollback.ts";
import { type Edited, editedBeside } from "../../propose/edited.ts";
import { proposalOfBranch } from "../../propose/recorded.ts";
import { changeOfPull, type MergedChange } from "../../propose/revert/change-of-pull.ts";
import { ROLLBACK_PREFIX } from "../../propose/revert/roll-back.ts";
import { readOutcomes, readRecords } from "../../protect/outcomes.ts";
import { explanationOf } from "../commands/explanation.ts";
import { ClosedDelivery } from "../delivery.ts";
import type { EventHandler, HandlerContext } from "../handler.ts";
import { proposalOfPull, type PullProposal } from "./proposal.ts";
import { recordLater } from "./record.ts";

/**
 * A pull request was closed: what became of the proposal, or of the rollback, is put on record. The delivery only says
 * where to look and who did it; what holds is what GitHub says now, so that one which was opened again has no end.
 */
export const pullClosed: EventHandler = {
  events: ["pull_request.closed"],
  handle: async (context) => {
    const { pull_request: said, sender } = ClosedDelivery.parse(context.event.payload);
    const { host } = context.repository;
    const pull = await host.pulls.find(said.number);
    if (pull === undefined || pull.fork || pull.state !== "closed") return { kind: "done" };
    const by = actorOf((pull.merged ? said.merged_by : undefined) ?? sender);
    if (pull.branch.startsWith(ROLLBACK_PREFIX)) await rollbackClosed(context, pull, by);
    else await proposalClosed(context, pull.number, by);
    return { kind: "done" };
  },
};

function actorOf({ login, type }: { readonly login: string; readonly type: string }): Actor {
  return { type: type === "User" ? "person" : "bot", id: login };
}

function decidedBy({ type }: Actor): ReasonCode {
  return type === "person" ? "decided_by_person" : "decided_by_bot";
}

/** One closing is one event, also after it was opened again. */
export function closingKey({ number, closedAt, mergeSha, merged }: FoundPull): string {
  return `${number}-${merged ? (mergeSha ?? "").slice(0, 12) : (closedAt ?? "").replaceAll(/\D/g, "")}`;
}

async function proposalClosed(context: HandlerContext, number: number, by: Actor): Promise<void> {
  const proposal = await proposalOfPull(context.repository, number);
  if (proposal === undefined) return;
  const key = closingKey(proposal.pull);
  if (!proposal.pull.merged) return await recordClosed(context, proposal, { by, key });
  const { change, edited } = await readMerged(context, proposal);
  const moved = change !== undefined && proposal.baseSha !== undefined && change.before !== proposal.baseSha;
  const reasons = [decidedBy(by), ...(moved ? (["base_moved"] as const) : [])] as const;
  // What the canary or a rollback decided since weighs more than the merge itself.
  const { status } = proposal.outcome;
  const behind = status === "promoted" || status === "held" || status === "faded" || status === "rolled_back";
  const more = edited === undefined ? {} : { edited };
  await recordLater(context, proposal, { status: "merged", reasons, by, key, more, behind });
}

type Event = { readonly by: Actor; readonly key: string };

/**
 * Puts a proposal that was closed without a merge on record. Whoever closes it can say why, by a label or by `/whetstone explain`:
 * that teaches.
 */
export async function recordClosed(context: HandlerContext, proposal: PullProposal, { by, key }: Event): Promise<void> {
  const text = (await explanationOf(await context.repository.state.view(), proposal.pull.number))?.text;
  const { status, reasons, note } = closingNote({ labels: proposal.pull.labels, text }, proposal.outcome);
  const told = reasons.map((reason) => (reason === "decided_by_person" ? decidedBy(by) : reason));
  const [first = decidedBy(by), ...others] = told;
  const more = note === undefined ? {} : { note };
  await recordLater(context, proposal, { status, reasons: [first, ...others], by, key, more });
}

type Merged = { readonly change: MergedChange | undefined; readonly edited: Edited | undefined };

/** What was merged, where history still says so. */
async function readMerged({ repository, log }: HandlerContext, { pull, patch }: PullProposal): Promise<Merged> {
  const { number, mergeSha } = pull;
  if (mergeSha === undefined) return { change: undefined, edited: undefined };
  try {
    const change = await changeOfPull(repository.history, { number, mergeSha });
    const edited = patch === undefined ? undefined : await editedBeside(repository.history, patch, change);
    return { change, edited };
  } catch (error) {
    if (codeOf(error) !== "not_found") throw error;
    log(`#${number}: its merge ${mergeSha} is not in the repository; what people changed of it cannot be told.`);
    return { change: undefined, edited: undefined };
  }
}

/** Merged: it is taken back now. Closed: people want the change after all, and its outcome from before counts again. */
async function rollbackClosed(context: HandlerContext, pull: FoundPull, by: Actor): Promise<void> {
  const view = await context.repository.state.view();
  const record = (await readRecords(view, "rollbacks/", RollbackRecord)).find(
    ({ revert }) => revert?.number === pull.number && revert.branch === pull.branch,
  );
  if (record === undefined) return;
  const branch = pull.branch.replace(ROLLBACK_PREFIX, "whetstone/proposal/");
  const proposal = await proposalOfBranch(view, branch);
  if (proposal === undefined || proposal.dossier !== record.dossier) return;
  const own = (await readOutcomes(view, record.target)).filter(({ dossier }) => dossier === record.dossier);
  const earlier = own.findLast(({ status }) => status !== "rolled_back")?.status ?? "merged";
  const status = pull.merged ? "rolled_back" : earlier;
  await recordLater(context, proposal, { status, reasons: [decidedBy(by)], by, key: closingKey(pull) });
}
