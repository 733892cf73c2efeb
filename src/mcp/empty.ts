import { formatInstant } from "../model/time.ts";
import type { SpanStore } from "../store/port.ts";

/** How a store is filled. */
export const HOW_TO_FILL =
  "Fill it: `whetstone proxy -- COMMAND` traces an MCP server, `whetstone collect` receives OTLP, `whetstone import FILE` reads trace files.";

/** Why nothing was found, and what to ask instead: the store is empty, or its newest trace lies elsewhere. */
export async function whyNothing(store: SpanStore): Promise<string> {
  const [newest] = (await store.search({}, { limit: 1 })).traces;
  if (newest === undefined) return `The store holds no trace yet. ${HOW_TO_FILL}`;
  return `Nothing matches. The newest trace in the store starts at ${formatInstant(newest.startNs)}; widen time_range or drop filters.`;
}
