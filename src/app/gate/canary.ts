import type { ReasonCode } from "../../model/codes.ts";
import type { Actor } from "../../model/ledger.ts";
import { formatInstant } from "../../model/time.ts";
import { baseSubject } from "../../protect/authorization/subject.ts";
import { type Approval, approvalOf } from "../approval/approval.ts";
import { grantHere } from "../approval/grant.ts";
import type { HandlerContext } from "../handler.ts";
import { proposalOfPull, type PullProposal } from "../outcomes/proposal.ts";
import { cell } from "../page-text.ts";
import { appSettings } from "../repository.ts";
import { gateTask, openGate } from "./open.ts";
import { type GateRecord, gatesOfPull } from "./record.ts";
import { settleGate } from "./settle.ts";
import { showGate } from "./show.ts";
import { decisionLine } from "./text.ts";
import { startOnce } from "./start.ts";
import { recordDecision } from "./watch.ts";

/** What is asked for: the pull request, and who asks, whose right to it the caller has looked up. */
export type CanaryRequest = { readonly pull: number; readonly by: Actor };

/** What became of it. `said` is Markdown for the conversation; foreign text in it has passed the sanitiser. */
export type CanaryStarted =
  /** `run`: id of the workflow run; undefined while another request is still at it. */
  | { readonly kind: "started"; readonly run: number | undefined; readonly said: string }
  | { readonly kind: "refused"; readonly reason: ReasonCode; readonly said: string };

/**
 * Starts the canary of a pull request of Whetstone, for its head and only when people have approved exactly that. Asked
 * again, by whomever, it stands as it is. Where the environment has no rule of this App the canary is watched from here,
 * and its verdict is a check run.
 * @throws WhetstoneError `api_failed`: to be tried again; `stopped`, `config_invalid`, `ledger_broken`
 */
export async function startCanary(context: HandlerContext, { pull, by }: CanaryRequest): Promise<CanaryStarted> {
  const { repository } = context;
  const proposal = await proposalOfPull(repository, pull);
  if (proposal === undefined) return refused("proposal_unknown", "This is no pull request of Whetstone on record.");
  const approval = await approvalOf(repository, pull);
  if (approval.kind !== "approved") return refused("authorization_missing", whyNotApproved(approval));
  const { gate: settings } = await appSettings(repository);
  const { host } = repository;
  const state = await host.workflows.state(settings.workflow);
  if (state !== "active") return refused("hook_failed", workflowMissing(settings.workflow, state));
  const { target } = proposal;
  const start = await startOnce(context, { sha: approval.sha, pull, target, by }, settings);
  if (!(await hasRule(context, settings.environment))) await watchWithoutRule(context, proposal);
  const said =
    start.run === null
      ? `The canary of ${start.sha.slice(0, 12)} is being started already.`
      : `The canary of ${start.sha.slice(0, 12)} runs as workflow run ${start.run}.`;
  return { kind: "started", run: start.run ?? undefined, said };
}

function refused(reason: ReasonCode, said: string): { readonly kind: "refused"; reason: ReasonCode; said: string } {
  return { kind: "refused", reason, said };
}

function whyNotApproved(approval: Exclude<Approval, { kind: "approved" }>): string {
  if (approval.kind === "missing") {
    return `No canary: nobody who may has approved what stands here now (${approval.why.replaceAll("_", " ")}).`;
  }
  return `No canary: ${cell(approval.by)} approved another commit than ${approval.head.slice(0, 12)}, which stands here now.`;
}

function workflowMissing(workflow: string, state: string | undefined): string {
  return state === undefined
    ? `No canary: the default branch has no workflow ${cell(workflow)}. Copy workflows/canary.yml and fill it in.`
    : `No canary: the workflow ${cell(workflow)} is switched off (${cell(state)}).`;
}

async function hasRule({ repository }: HandlerContext, environment: string): Promise<boolean> {
  return (await repository.host.gates.rules(environment)).includes(repository.self.appId);
}

/** The same decision, as a check run: there is nobody else to ask for it. */
async function watchWithoutRule(context: HandlerContext, proposal: PullProposal): Promise<void> {
  const { repository, clock } = context;
  const { pull, target, fingerprint } = proposal;
  const { gate: settings } = await appSettings(repository);
  const facts = { pull: pull.number, target, fingerprint };
  const opened = await openGate(context, {
    id: `check-${pull.headSha}`,
    run: null,
    sha: pull.headSha,
    proposal: facts,
    settings,
  });
  if (opened === undefined) return;
  await context.schedule(gateTask(repository, opened.id, Number(clock.now() / 1_000_000n)));
  await showGate(repository, opened, { verdict: null, seen: undefined });
}

/** What became of a promotion by a person. */
export type CanaryPromoted =
  | { readonly kind: "promoted"; readonly said: string }
  | { readonly kind: "refused"; readonly reason: ReasonCode; readonly said: string };

/**
 * Lets the canary of a pull request pass by the decision of a person, who needs the permission `canary.promote`. What was
 * decided before stays.
 * @throws WhetstoneError `api_failed`: to be tried again; `stopped`, `ledger_broken`, those of `grantHere`
 */
export async function promoteCanary(context: HandlerContext, { pull, by }: CanaryRequest): Promise<CanaryPromoted> {
  const { repository, clock, event } = context;
  const waiting = await openGateOf(context, pull);
  if (waiting === undefined) return refused("proposal_unknown", `No canary of pull request ${pull} is being watched.`);
  if (waiting.decision !== null) return await carriedOut(context, waiting);
  const { proposal, sha } = waiting;
  const target = proposal?.target ?? "";
  const wish = { operation: "canary.promote", target, subject: baseSubject(target, sha), by, run: event.id } as const;
  const granted = await grantHere(repository, wish);
  if (granted.kind === "refused") return refused(granted.reason, `${cell(granted.message)} ${cell(granted.remedy)}`);
  const decided = await recordDecision(context, waiting, {
    state: "approved",
    reasons: ["decided_by_person"],
    by,
    at: formatInstant(clock.now()),
    verdict: null,
  });
  return await carriedOut(context, decided);
}

/** The gate that waits for a decision or for its answer; of several the latest. */
async function openGateOf({ repository }: HandlerContext, pull: number): Promise<GateRecord | undefined> {
  const gates = await gatesOfPull(await repository.state.view(), pull);
  const open = gates.filter(({ end }) => end === null);
  return open.toSorted((a, b) => Date.parse(b.startedAt) - Date.parse(a.startedAt))[0];
}

async function carriedOut(context: HandlerContext, decided: GateRecord): Promise<CanaryPromoted> {
  const { decision, end } = await settleGate(context, decided);
  if (end?.how === "answered" && decision?.state === "approved") {
    return { kind: "promoted", said: `The canary passes: ${decisionLine(decision)}.` };
  }
  const how = decision === null ? "nothing was decided" : `${decision.state}: ${decisionLine(decision)}`;
  return refused(decision?.reasons[0] ?? "undecided", `The canary was decided otherwise before (${how}).`);
}
