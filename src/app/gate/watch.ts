import { CanarySettings } from "../../config/schema.ts";
import { WhetstoneError } from "../../model/error.ts";
import { formatInstant } from "../../model/time.ts";
import { isRunning } from "../../model/stop.ts";
import { approvalOf } from "../approval/approval.ts";
import type { Handled } from "../handler.ts";
import { decideGate, type GateOpinion, reportIsDue } from "../../canary/gate.ts";
import type { GateSeen } from "../../canary/gate-count.ts";
import { gateEntry, selfOf } from "./open.ts";
import { type GateDecision, type GateRecord, readGate, updateGate } from "./record.ts";
import { endGate, type GateContext, howItLeft, isStillThere, settleGate } from "./settle.ts";
import { seeGate } from "./see.ts";
import { showGate } from "./show.ts";
import { reportText } from "./text.ts";

/**
 * One look at a gate: what is decided is carried out; what is not is judged, decided or reported on, and looked at again
 * later. Everything that a later look needs is on record, so it may be interrupted anywhere.
 * @throws WhetstoneError `api_failed` and those of the state: to be tried again
 */
export async function watchGate(context: GateContext, id: string): Promise<Handled> {
  const { repository, log } = context;
  const gate = await readGate(await repository.state.view(), id);
  if (gate === undefined) {
    log(`There is no gate ${id} on record.`);
    return { kind: "done" };
  }
  if (gate.end !== null) return { kind: "done" };
  if (gate.decision === null && (await hasLeft(context, gate))) return { kind: "done" };
  const decided = gate.decision === null ? await look(context, gate) : gate;
  if (decided.decision === null) return await lookAgain(context, decided);
  await settleGate(context, decided);
  return { kind: "done" };
}

/** Looks become rarer with the time that has passed, since each judges all calls so far: never later than by a hundredth. */
const LOOKS_SHARE = 100;

async function lookAgain({ repository, clock }: GateContext, { startedAt }: GateRecord): Promise<Handled> {
  const { lookSeconds } = (await repository.config()).app.gate;
  const nowMs = Number(clock.now() / 1_000_000n);
  const pauseMs = Math.max(lookSeconds * 1_000, (nowMs - Date.parse(startedAt)) / LOOKS_SHARE);
  return { kind: "again", at: Math.ceil(nowMs + pauseMs) };
}

/** Whether the run waits no more, before anything was decided; that is then on record. */
async function hasLeft(context: GateContext, gate: GateRecord): Promise<boolean> {
  if (gate.run === null || (await isStillThere(context, gate))) return false;
  const left = await howItLeft(context, gate);
  const run = await context.repository.host.runs.find(gate.run.id);
  // Other jobs of the run may be at work while this one is on its way.
  if (left.how === "gone" && run?.attempt === gate.run.attempt && run.status !== "completed") return false;
  await endGate(context, gate, left);
  return true;
}

/** Judges what is there now. The first decision on record holds, whoever made it. */
async function look(context: GateContext, gate: GateRecord): Promise<GateRecord> {
  const { repository, clock } = context;
  const { opinion, seen } = await judge(context, gate);
  const { state, reasons, verdict } = opinion;
  if (state === "open") {
    const reported = await report(context, gate, opinion);
    await showGate(repository, reported, { verdict, seen });
    return reported;
  }
  const by = selfOf(repository);
  return await recordDecision(context, gate, {
    state,
    reasons: [...reasons],
    by,
    at: formatInstant(clock.now()),
    verdict,
  });
}

type Judged = { readonly opinion: GateOpinion; readonly seen: GateSeen | undefined };

async function judge(context: GateContext, gate: GateRecord): Promise<Judged> {
  const { repository, clock } = context;
  if (await isStopped(context))
    return { opinion: { state: "rejected", reasons: ["disabled"], verdict: null }, seen: undefined };
  const { app, targets } = await repository.config();
  if (gate.proposal === null) {
    const state = app.gate.unknown === "approve" ? "approved" : "rejected";
    return { opinion: { state, reasons: ["proposal_unknown"], verdict: null }, seen: undefined };
  }
  const { target } = gate.proposal;
  const nowMs = Number(clock.now() / 1_000_000n);
  const canary = targets[target]?.canary ?? CanarySettings.parse({});
  const see = async (anew: boolean): Promise<Judged> => {
    const seen = await seeGate(context, gate, { target, canary, settings: app.gate, nowMs, anew });
    return await agreed(context, gate, { opinion: decideGate({ gate, seen, settings: app.gate, nowMs }), seen });
  };
  const judged = await see(false);
  // What is kept of earlier looks decides nothing.
  return judged.opinion.state === "open" || context.looks === undefined ? judged : await see(true);
}

/** Whoever may write can start the workflow for a commit that nobody approved: that passes nothing. */
async function agreed(context: GateContext, gate: GateRecord, judged: Judged): Promise<Judged> {
  const { opinion, seen } = judged;
  if (opinion.state !== "approved" || (await isAgreed(context, gate))) return judged;
  const isOver = Number(context.clock.now() / 1_000_000n) >= Date.parse(gate.deadlineAt);
  const reasons = ["authorization_missing", ...(isOver ? (["deadline_reached"] as const) : [])] as const;
  return { opinion: { state: isOver ? "rejected" : "open", reasons, verdict: opinion.verdict }, seen };
}

/** Whether people agreed to the commit: they merged it, or approved exactly it. */
async function isAgreed({ repository }: GateContext, { proposal, sha }: GateRecord): Promise<boolean> {
  if (proposal === null) return false;
  const pull = await repository.host.pulls.find(proposal.pull);
  if (pull?.merged === true && [pull.mergeSha, pull.headSha].includes(sha)) return true;
  const approval = await approvalOf(repository, proposal.pull);
  return approval.kind === "approved" && approval.sha === sha;
}

/** A flag that cannot be read is looked at again: it neither lets pass nor ends what may be good. */
async function isStopped({ repository }: GateContext): Promise<boolean> {
  const state = await repository.killSwitch.look();
  if (isRunning(state)) return false;
  const flags = [state.local, state.state, ...(state.variable === undefined ? [] : [state.variable])];
  if (flags.some(({ kind }) => kind === "stopped" || kind === "variable")) return true;
  throw new WhetstoneError("api_failed", "Whether everything is stopped cannot be read.", {
    remedy: "It is read again; until then nothing passes.",
  });
}

/** Puts a decision on record, unless there is one. @throws WhetstoneError `ref_moved`, `ledger_broken` */
export async function recordDecision(
  { repository, clock }: GateContext,
  gate: GateRecord,
  decision: GateDecision,
): Promise<GateRecord> {
  const { state, reasons, by: actor } = decision;
  const [reasonCode = "undecided"] = reasons;
  const act = { actor, decision: state === "approved" ? "allow" : "deny", reasonCode, result: state } as const;
  const decided = await updateGate({ state: repository.state, clock }, gate.id, (current) =>
    current === undefined || current.decision !== null || current.end !== null
      ? undefined
      : { next: { ...current, decision }, entries: [gateEntry(repository, current, act)] },
  );
  return decided ?? gate;
}

/** Counted before it is sent: after a crash a report is lost rather than sent twice, for GitHub takes ten. */
async function report(context: GateContext, gate: GateRecord, opinion: GateOpinion): Promise<GateRecord> {
  const { repository, clock } = context;
  const { run } = gate;
  const nowMs = Number(clock.now() / 1_000_000n);
  if (run === null || !reportIsDue(gate, nowMs)) return gate;
  let mine = false;
  const counted = await updateGate({ state: repository.state, clock }, gate.id, (current) => {
    mine = current?.reports === gate.reports && current.decision === null;
    return current === undefined || !mine
      ? undefined
      : { next: { ...current, reports: gate.reports + 1 }, entries: [] };
  });
  if (mine) {
    await repository.host.gates.report(run.id, { environment: run.environment, comment: reportText(gate, opinion) });
  }
  return counted ?? gate;
}
