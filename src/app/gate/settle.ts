import { apiStatus } from "../../github/rest-api.ts";
import type { GateAnswer } from "../../github/gate-port.ts";
import { WhetstoneError } from "../../model/error.ts";
import { formatInstant } from "../../model/time.ts";
import type { HandlerContext } from "../handler.ts";
import { rollBack } from "../rollback/rollback.ts";
import { gateEntry, selfOf } from "./open.ts";
import { recordGateOutcome } from "./outcome.ts";
import { type GateDecision, type GateEnd, type GateRecord, updateGate } from "./record.ts";
import { showGate } from "./show.ts";
import { answerText, gateMark } from "./text.ts";

/** What the end of a gate is worked on with. */
export type GateContext = HandlerContext;

/** How a gate ended, seen from GitHub. */
type Seen = Pick<GateEnd, "how" | "by">;

/**
 * Carries a decision out: the answer with its evidence, confirmed by what GitHub lists; the rollback of what is merged
 * and does harm; the check run; the end on record. Run again after a crash or a failure at any point it goes on with the
 * same decision, and looks before it writes.
 * @throws WhetstoneError `api_failed`: it is to be tried again; `stopped`: the stop came after the decision
 */
export async function settleGate(context: GateContext, gate: GateRecord): Promise<GateRecord> {
  const { decision } = gate;
  if (decision === null || gate.end !== null) return gate;
  const seen = gate.run === null ? ({ how: "answered", by: null } as const) : await answer(context, gate, decision);
  await takeBack(context, gate, decision);
  return await endGate(context, gate, seen);
}

/** Puts the end of a gate on record and shows it. */
export async function endGate(context: GateContext, gate: GateRecord, seen: Seen): Promise<GateRecord> {
  const { repository, clock } = context;
  // Before the end is on record: whoever comes after a crash in between does it again, which changes nothing.
  await recordGateOutcome(context, gate, seen);
  const end: GateEnd = { ...seen, at: formatInstant(clock.now()) };
  const ended = await updateGate({ state: repository.state, clock }, gate.id, (current) =>
    current === undefined || current.end !== null
      ? undefined
      : { next: { ...current, end }, entries: [endEntry(context, current, end)] },
  );
  const standing = ended ?? gate;
  await showGate(repository, standing, { verdict: standing.decision?.verdict ?? null, seen: undefined });
  return standing;
}

function endEntry({ repository }: GateContext, gate: GateRecord, { how, by }: GateEnd) {
  const actor = selfOf(repository);
  if (how === "bypassed") {
    const result = `bypassed by ${by ?? "somebody"}`;
    return gateEntry(repository, gate, { actor, decision: "none", reasonCode: "gate_bypassed", result });
  }
  const decided = gate.decision?.state === "approved" ? ("allow" as const) : ("deny" as const);
  const decision = how === "gone" || gate.decision === null ? "none" : decided;
  const reasonCode = gate.decision?.reasons[0] ?? "undecided";
  return gateEntry(repository, gate, { actor, decision, reasonCode, result: how });
}

async function answer(context: GateContext, gate: GateRecord, decision: GateDecision): Promise<Seen> {
  const { repository } = context;
  const { gates } = repository.host;
  const { run } = gate;
  if (run === null) return { how: "answered", by: null };
  if (await isAnswered(context, gate)) return { how: "answered", by: null };
  if (!(await isStillThere(context, gate))) return await howItLeft(context, gate);
  const { environment } = run;
  const comment = answerText(gate, decision);
  const send = decision.state === "approved" ? gates.letPass : gates.refuse;
  try {
    await send(run.id, { environment, comment });
  } catch (error) {
    // Somebody else was faster between the look and the answer, or another environment keeps the run waiting.
    const isRefused = [404, 422].includes(apiStatus(error) ?? 0);
    if (!isRefused || (await isListed(context, gate))) throw error;
    return await howItLeft(context, gate);
  }
  if (await isAnswered(context, gate)) return { how: "answered", by: null };
  throw new WhetstoneError("api_failed", `GitHub took the answer of the gate ${gate.id}, but does not list it.`, {
    remedy: "It is looked for again.",
  });
}

/** What GitHub calls a run that has come to a gate, or is on its way there. */
const ON_ITS_WAY: readonly string[] = ["queued", "requested", "pending", "waiting"];

/** Whether the run of a gate waits there, or is still on its way: the question may come before the list has it. */
export async function isStillThere(context: GateContext, gate: GateRecord): Promise<boolean> {
  if (gate.run === null) return true;
  const run = await context.repository.host.runs.find(gate.run.id);
  if (run?.attempt !== gate.run.attempt) return false;
  return ON_ITS_WAY.includes(run.status) || (await isListed(context, gate));
}

async function isListed({ repository }: GateContext, { run }: GateRecord): Promise<boolean> {
  return run !== null && (await repository.host.gates.waiting(run.id)).includes(run.environment);
}

async function isAnswered({ repository }: GateContext, gate: GateRecord): Promise<boolean> {
  const answers = await answersOf(repository, gate);
  const mark = gateMark(gate);
  return answers.some(
    ({ state, user, comment }) =>
      state !== "pending" && user === repository.self.login && comment.split("\n").includes(mark),
  );
}

async function answersOf(
  { host }: GateContext["repository"],
  { run }: Pick<GateRecord, "run">,
): Promise<readonly GateAnswer[]> {
  if (run === null) return [];
  const answers = await host.gates.answers(run.id);
  return answers.filter(({ environments }) => environments.includes(run.environment));
}

/** How a run that waits no more left the gate without our answer: a person let it pass, or it ended. */
export async function howItLeft({ repository }: GateContext, gate: GateRecord): Promise<Seen> {
  const answers = await answersOf(repository, gate);
  const person = answers.find(({ state, user }) => state === "approved" && user !== repository.self.login);
  if (person !== undefined) return { how: "bypassed", by: person.user ?? null };
  const run = gate.run === null ? undefined : await repository.host.runs.find(gate.run.id);
  const wentOn = run !== undefined && run.attempt === gate.run?.attempt && run.conclusion === "success";
  return wentOn ? { how: "bypassed", by: null } : { how: "gone", by: null };
}

/** What is merged and did harm is taken back, as the repository's settings say; what is not merged needs nothing. */
async function takeBack(context: GateContext, { proposal }: GateRecord, decision: GateDecision): Promise<void> {
  if (proposal === null || decision.state !== "rejected" || decision.verdict?.verdict !== "rollback") return;
  const { repository, log } = context;
  const pull = await repository.host.pulls.find(proposal.pull);
  if (pull?.merged !== true) return;
  const why = `The canary was rejected: ${decision.reasons.join(", ")}.`;
  const { kind } = await rollBack(context, { pull: proposal.pull, by: selfOf(repository), why });
  log(`Rollback of #${proposal.pull} after its canary: ${kind}.`);
}
