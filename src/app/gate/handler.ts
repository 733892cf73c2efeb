import { z } from "zod";
import type { EventHandler } from "../handler.ts";
import { gateTask, openAskedGate } from "./open.ts";
import { settleGate } from "./settle.ts";
import { watchGate } from "./watch.ts";

const Watching = z.object({ gate: z.string() });

/**
 * The custom deployment protection rule. A question is put on record and watched by a task; a question that was decided
 * before is answered the same again.
 */
export const gate: EventHandler = {
  events: ["deployment_protection_rule.requested", "task.gate"],
  handle: async (context) => {
    const { event, repository, clock } = context;
    if (event.name === "task.gate") return await watchGate(context, Watching.parse(event.payload).gate);
    const opened = await openAskedGate(context);
    if (opened === undefined) return { kind: "done" };
    await context.schedule(gateTask(repository, opened.id, Number(clock.now() / 1_000_000n)));
    await settleGate(context, opened);
    return { kind: "done" };
  },
};
