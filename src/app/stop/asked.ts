import { z } from "zod";
import { Actor } from "../../model/ledger.ts";
import type { EventHandler } from "../handler.ts";
import { type Place, sealed, stopKey } from "../place.ts";
import type { WorkQueue } from "../work/port.ts";
import { stopAll } from "./stop.ts";

const NAME = "task.stop-asked";
const Payload = z.object({ by: Actor, why: z.string().min(1).max(500).nullable() });

/** A stop that was asked for elsewhere than in a comment. */
export type AskedStop = z.infer<typeof Payload> & {
  readonly place: Place;
  /** What it came with, such as a press on the page: asked for again under the same name it is one stop. */
  readonly origin: string;
  /** Epoch milliseconds. */
  readonly at: number;
};

/** Id under which the queue knows a stop that was asked for. */
export function askedStopId({ id }: Pick<Place, "id">, origin: string): string {
  return `stop-asked:${id}:${origin}`;
}

/**
 * Makes the stop of a repository work of the queue: once it has resolved, the stop will be done. False: it was asked for
 * under this name before. Errors: those of the queue.
 */
export async function askStop(
  queue: Pick<WorkQueue, "add">,
  { place, origin, at, by, why }: AskedStop,
): Promise<boolean> {
  const envelope = sealed({ name: NAME, place, payload: Payload.parse({ by, why }) });
  const id = askedStopId(place, origin);
  const key = stopKey(place, origin);
  const work = { id, event: NAME, key, payload: JSON.stringify(envelope), receivedAt: at, notBefore: 0 };
  return (await queue.add(work)) === "added";
}

/** Does a stop that was asked for on the page or by the variable; again, it completes and doubles nothing. */
export const stopAsked: EventHandler = {
  events: [NAME],
  handle: async (context) => {
    const { by, why } = Payload.parse(context.event.payload);
    const { complete } = await stopAll(context, { by, why });
    context.log(`stop asked for by ${by.id}: ${complete ? "done" : "done in part; what failed is tried again"}`);
    return { kind: "done" };
  },
};
