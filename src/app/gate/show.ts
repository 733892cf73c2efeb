import type { CanaryVerdict } from "../../model/verdict.ts";
import { type ButtonName, showStage, type StageState } from "../checks/stage-check.ts";
import type { RepositoryAccess } from "../repository.ts";
import type { GateSeen } from "../../canary/gate-count.ts";
import type { GateRecord } from "./record.ts";
import { decisionLine, lookSummary } from "./text.ts";

/** What a look saw, where there was one. */
export type Seen = { readonly verdict: CanaryVerdict | null; readonly seen: GateSeen | undefined };

/** Shows a gate as the stage "canary" of its commit; one that belongs to no proposal has none. */
export async function showGate(
  repository: Pick<RepositoryAccess, "host">,
  gate: GateRecord,
  { verdict, seen }: Seen,
): Promise<void> {
  const { proposal, sha, run, decision } = gate;
  if (proposal === null) return;
  await showStage(repository, {
    sha,
    stage: "canary",
    about: `pull/${proposal.pull}`,
    state: gateStage(gate),
    title: titleOf(gate),
    summary: lookSummary(gate, decision === null ? verdict : decision.verdict, seen),
    url: run?.url,
    buttons: buttonsOf(gate),
  });
}

/** How the stage "canary" stands by a gate. */
export function gateStage({ decision, end }: GateRecord): StageState {
  if (end?.how === "bypassed") return "neutral";
  if (end?.how === "gone") return "cancelled";
  if (decision === null) return "in_progress";
  return decision.state === "approved" ? "success" : "failure";
}

function titleOf({ decision, end, reports }: GateRecord): string {
  if (end?.how === "bypassed") return "Passed by an administrator before it was decided";
  if (end?.how === "gone") return "The run ended before it was decided";
  if (decision === null)
    return reports === 0 ? "Watching the canary" : `Watching the canary, ${reports} reports so far`;
  return `${decision.state}: ${decisionLine(decision)}`;
}

/** What may still be taken back has the button. */
function buttonsOf({ decision, end }: GateRecord): readonly ButtonName[] {
  const passed = end?.how === "bypassed" || decision?.state === "approved";
  return passed ? ["roll-back"] : [];
}
