import { z } from "zod";
import { judgeHeld } from "../../learn/held.ts";
import { latestPerDossier } from "../../learn/trials.ts";
import { Outcome } from "../../model/outcome.ts";
import { parseInstant } from "../../model/time.ts";
import { firstOf } from "../../propose/recorded.ts";
import { readOutcomes, readRecords } from "../../protect/outcomes.ts";
import { trafficAround } from "../../store/traffic-around.ts";
import type { EventHandler, HandlerContext } from "../handler.ts";
import { recordLater } from "./record.ts";

const Payload = z.object({ dossier: z.string(), promoted: z.string() });

/**
 * Looks at a promoted change after the time that counts as held: as long before the promotion against as long after it.
 * Held or faded is recorded with the effects as traffic shows them; too little traffic, and a server without telemetry,
 * say nothing, and the change stays promoted.
 */
export const heldTask: EventHandler = {
  events: ["task.held"],
  handle: async (context) => {
    const { dossier, promoted } = Payload.parse(context.event.payload);
    const view = await context.repository.state.view();
    const found = await readRecords(view, "outcomes/", Outcome);
    const target = found.find((one) => one.dossier === dossier)?.target ?? "";
    const outcomes = await readOutcomes(view, target);
    const latest = latestPerDossier(outcomes).get(dossier);
    // Taken back, or promoted anew, which has a task of its own.
    if (latest?.status === "promoted" && latest.id === promoted) await judge(context, latest, outcomes);
    return { kind: "done" };
  },
};

async function judge(context: HandlerContext, promoted: Outcome, outcomes: readonly Outcome[]): Promise<void> {
  const { telemetry, clock, log, repository } = context;
  if (telemetry === undefined) return log(`${promoted.proposal} stays promoted: this server holds no telemetry.`);
  const changedNs = parseInstant(promoted.at, 0n);
  const nowNs = clock.now();
  const window = { service: promoted.target, changedNs, windowNs: nowNs - changedNs, nowNs };
  const { verdict, details, observed } = judgeHeld(promoted, await trafficAround(telemetry, window));
  log(`${promoted.proposal}: ${verdict}. ${details.join("; ")}`);
  if (verdict === "unknown") return;
  const origin = firstOf(outcomes.filter(({ dossier }) => dossier === promoted.dossier)) ?? promoted;
  const proposal = { ...known(promoted), origin, outcome: promoted };
  await recordLater(context, proposal, {
    status: verdict,
    reasons: [verdict === "held" ? "effect_held" : "effect_faded"],
    by: { type: "bot", id: repository.self.login },
    key: promoted.id.slice(-24),
    more: { observed: [...observed] },
  });
}

function known({ target, fingerprint, dossier }: Outcome) {
  const unknown = { dossierId: undefined, baseSha: undefined, hypothesis: undefined, patch: undefined };
  return { target, fingerprint, dossier, ...unknown };
}
