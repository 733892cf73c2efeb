import type { Actor } from "../../model/ledger.ts";
import type { HandlerContext } from "../handler.ts";
import { type LaterNews, recordLater } from "../outcomes/record.ts";
import { proposalOfPull } from "../outcomes/proposal.ts";
import { selfOf } from "./open.ts";
import type { GateEnd, GateRecord } from "./record.ts";

/**
 * Puts what a gate's end means for its proposal on record, once: it got the traffic, by a decision or past it, or its
 * canary was taken back. What was merged and did harm has its outcome from its rollback; a check run alone deploys nothing.
 * @throws WhetstoneError `api_failed`, `ledger_broken`, `config_invalid`
 */
export async function recordGateOutcome(
  context: HandlerContext,
  gate: GateRecord,
  end: Pick<GateEnd, "how" | "by">,
): Promise<void> {
  if (gate.proposal === null) return;
  const what = newsOf(gate, end, selfOf(context.repository));
  if (what === undefined) return;
  const proposal = await proposalOfPull(context.repository, gate.proposal.pull);
  if (proposal === undefined || (what.status === "rolled_back" && proposal.pull.merged)) return;
  const key = `gate-${gate.id.replaceAll(/[^A-Za-z0-9]+/g, "-")}`;
  await recordLater(context, proposal, { ...what, key });
}

function newsOf(
  { run, decision }: GateRecord,
  { how, by }: Pick<GateEnd, "how" | "by">,
  self: Actor,
): Omit<LaterNews, "key"> | undefined {
  if (how === "bypassed") {
    const actor: Actor = by === null ? self : { type: "person", id: by };
    return { status: "promoted", reasons: ["gate_bypassed"], by: actor };
  }
  if (how === "gone" || decision === null) return undefined;
  const [first = "undecided", ...rest] = decision.reasons;
  const reasons = [first, ...rest] as const;
  if (decision.state === "approved") {
    return run === null ? undefined : { status: "promoted", reasons: [...reasons], by: decision.by };
  }
  if (decision.verdict?.verdict !== "rollback") return undefined;
  return { status: "rolled_back", reasons: [...reasons], by: decision.by };
}
