import { ReopenedDelivery } from "../delivery.ts";
import type { EventHandler } from "../handler.ts";
import { proposalOfPull } from "./proposal.ts";
import { recordLater } from "./record.ts";

/** A proposal that was closed is open again: it waits for people, and what closing it taught counts no more. */
export const pullReopened: EventHandler = {
  events: ["pull_request.reopened"],
  handle: async (context) => {
    const { pull_request: said, sender } = ReopenedDelivery.parse(context.event.payload);
    const proposal = await proposalOfPull(context.repository, said.number);
    if (proposal?.pull.state !== "open" || proposal.outcome.status !== "closed") return { kind: "done" };
    const { note: _note, ...outcome } = proposal.outcome;
    await recordLater(
      context,
      { ...proposal, outcome },
      {
        status: "proposed",
        reasons: [sender.type === "User" ? "decided_by_person" : "decided_by_bot"],
        by: { type: sender.type === "User" ? "person" : "bot", id: sender.login },
        key: `again-${outcome.id.slice(-20).replaceAll(/[^\w-]/g, "-")}`,
      },
    );
    return { kind: "done" };
  },
};
