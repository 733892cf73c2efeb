import { z } from "zod";
import { Actor } from "../../model/ledger.ts";
import type { EventHandler } from "../handler.ts";
import { sweep } from "./stop.ts";

const Payload = z.object({
  by: Actor,
  why: z.string().nullable(),
  origin: z.string(),
  again: z.int().nonnegative(),
  flagged: z.boolean(),
});

/**
 * Goes on with a stop: what failed is tried again, runs that do not end are ended by force. Nothing is done when somebody
 * let everything go on in the meantime.
 */
export const stopTask: EventHandler = {
  events: ["task.stop"],
  handle: async (context) => {
    const task = Payload.parse(context.event.payload);
    const { local, state } = await context.repository.killSwitch.look();
    // Where the flag on GitHub could not be set, the one of this machine tells whether the stop still stands.
    const { kind } = task.flagged ? state : local;
    if (kind !== "running") await sweep(context, task);
    return { kind: "done" };
  },
};
