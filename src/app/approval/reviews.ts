import { WhetstoneError } from "../../model/error.ts";
import type { Actor, LedgerEntry } from "../../model/ledger.ts";
import { formatInstant } from "../../model/time.ts";
import { digestOf } from "../../protect/digest.ts";
import { planLedger } from "../../protect/ledger.ts";
import { showStage } from "../checks/stage-check.ts";
import { answerInPlace } from "../conversation.ts";
import { startCanary } from "../gate/canary.ts";
import { PullDelivery } from "../delivery.ts";
import type { EventHandler, HandlerContext } from "../handler.ts";
import { proposalOfPull, type PullProposal } from "../outcomes/proposal.ts";
import { cell } from "../page-text.ts";
import { appSettings } from "../repository.ts";
import { type ApprovalRecord, approvalFile, readApproval } from "./approval-record.ts";
import { approvalLine } from "./approval-text.ts";
import { type Approval, approvalOf } from "./approval.ts";

/**
 * Keeps how people's approval of a proposal stands, whenever a review or a push may have changed it: on record with its
 * ledger entry, as the check run of the stage `review`, and by starting what `app.approval.starts` says. The delivery says only
 * where to look; who approved what is asked of GitHub. Run again it changes nothing that stands.
 */
export const reviews: EventHandler = {
  events: [
    "pull_request_review.submitted",
    "pull_request_review.dismissed",
    "pull_request_review.edited",
    "pull_request.opened",
    "pull_request.synchronize",
    "pull_request.reopened",
  ],
  handle: async (context) => {
    const { number } = PullDelivery.parse(context.event.payload).pull_request;
    const proposal = await proposalOfPull(context.repository, number);
    if (proposal === undefined || proposal.pull.state !== "open") return { kind: "done" };
    const approval = await approvalOf(context.repository, number);
    await keep(context, proposal, approval);
    const started = approval.kind === "approved" ? await begin(context, proposal, approval) : undefined;
    await show(context, proposal, { approval, started });
    return { kind: "done" };
  },
};

/** Puts on record how it stands, with a ledger entry when that changed. */
async function keep(
  { repository, clock, event }: HandlerContext,
  proposal: PullProposal,
  approval: Approval,
): Promise<void> {
  const { number } = proposal.pull;
  const facts = factsOf(proposal, approval);
  await repository.state.update(`approval of pull request ${number}: ${approval.kind}`, async (view) => {
    const before = await readApproval(view, number);
    // That nobody has approved yet is no news.
    const isSame = before === undefined ? facts.kind === "missing" : sameFacts(before, facts);
    if (isSame) return { change: new Map(), value: undefined };
    const record: ApprovalRecord = { ...facts, at: formatInstant(clock.now()) };
    const { change } = await planLedger(view, [entryOf(record, event.id)], { clock });
    return { change: new Map([...change, approvalFile(record)]), value: undefined };
  });
}

type Facts = Omit<ApprovalRecord, "at">;

function factsOf({ pull, target }: PullProposal, approval: Approval): Facts {
  const head = approval.kind === "approved" ? approval.sha : (approval.head ?? null);
  const given = approval.kind === "missing" ? { by: null, sha: null } : { by: approval.by, sha: approval.sha ?? null };
  return { schema: "whetstone.approval/1", pull: pull.number, target, kind: approval.kind, ...given, head };
}

function sameFacts(before: ApprovalRecord, facts: Facts): boolean {
  return digestOf(before) === digestOf({ ...facts, at: before.at });
}

function entryOf({ pull, target, kind, by, sha, head }: ApprovalRecord, run: string): LedgerEntry {
  const actor: Actor = by === null ? { type: "bot", id: "github" } : { type: "person", id: by };
  const isApproved = kind === "approved";
  return {
    actor,
    operation: "proposal.review",
    target,
    decision: isApproved ? "allow" : "none",
    reasonCode: isApproved ? "ok" : "authorization_missing",
    result: `pull request ${pull}: ${kind}`,
    parametersDigest: digestOf({ pull, sha, head }),
    run,
  };
}

type Approved = Extract<Approval, { kind: "approved" }>;

/** Starts what the settings say; returns what came of it, as Markdown, and undefined for nothing. */
async function begin(context: HandlerContext, proposal: PullProposal, approval: Approved): Promise<string | undefined> {
  const { starts, environment } = (await appSettings(context.repository)).approval;
  try {
    switch (starts) {
      case "nothing":
        return undefined;
      case "staging":
        return await deployTo(context, { sha: approval.sha, environment, target: proposal.target });
      case "canary": {
        const by: Actor = { type: "person", id: approval.by };
        return (await startCanary(context, { pull: proposal.pull.number, by })).said;
      }
    }
  } catch (error) {
    // What another attempt may mend is tried again; what people have to mend is told.
    if (!(error instanceof WhetstoneError) || error.code === "api_failed" || error.code === "ref_moved") throw error;
    return `Not started: ${cell(error.message)} ${cell(error.remedy ?? "")}`;
  }
}

type Staging = { readonly sha: string; readonly environment: string; readonly target: string };

/** One deployment per commit and environment: workflows of the repository that listen to deployments carry it out. */
async function deployTo({ repository }: HandlerContext, { sha, environment, target }: Staging): Promise<string> {
  await repository.killSwitch.assertRunning();
  const description = `Whetstone: approved proposal for ${target}`.slice(0, 140);
  const facts = { sha, environment, task: "deploy:whetstone", description, production: false };
  const { id } = await repository.host.deployments.create(facts);
  return `Deployment ${id} to ${cell(environment)} was asked for.`;
}

type Shown = { readonly approval: Approval; readonly started: string | undefined };

/** The check run of the stage, and one line in the conversation when something was started. */
async function show(
  { repository }: HandlerContext,
  { pull }: PullProposal,
  { approval, started }: Shown,
): Promise<void> {
  const { number, headSha } = pull;
  const sha = approval.kind === "approved" ? approval.sha : (approval.head ?? headSha);
  const line = approvalLine(approval);
  const isApproved = approval.kind === "approved";
  await showStage(repository, {
    sha,
    stage: "review",
    about: `pull/${number}`,
    state: isApproved ? "success" : "action_required",
    title: isApproved ? "Approved" : "Needs the approval of a person",
    summary: [`This proposal is ${line}.`, ...(started === undefined ? [] : [started])].join("\n\n"),
    buttons: isApproved && started === undefined ? ["start-canary"] : [],
  });
  if (started === undefined) return;
  const body = `### Whetstone: approval\n\nThis proposal is ${line}.\n\n${started}`;
  await answerInPlace(repository, { conversation: number, comment: 0, body });
}
