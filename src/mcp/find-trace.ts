import { WhetstoneError } from "../model/error.ts";
import type { Span } from "../model/span.ts";
import type { SpanStore } from "../store/port.ts";
import { boundNames } from "./bound-names.ts";
import type { ToolContext } from "./tool.ts";

/** Traces that the beginning of an id is looked for in, newest first. */
const LOOKED_THROUGH = 100_000;
const PAGE = 1_000;

const FIND = "Find traces with search_traces or get_traces.";

/** The spans of {@link findSpans} with bounded names, for analysis; see {@link boundNames}. */
export async function findTrace(context: IdContext, id: string): Promise<readonly Span[]> {
  return boundNames(await findSpans(context, id));
}

type IdContext = Pick<ToolContext, "store" | "ids" | "signal">;

/**
 * All spans of the trace that an id, or the unique beginning of one, names.
 * @throws WhetstoneError `not_found`; `usage` when the beginning names several traces
 */
export async function findSpans(context: IdContext, id: string): Promise<readonly Span[]> {
  const wanted = id.toLowerCase();
  const store = await context.store("read");
  const isWhole = wanted.length === 32;
  const traceId = isWhole ? wanted : (context.ids.known(wanted) ?? (await completeId(store, wanted, context.signal)));
  const spans = await store.trace(traceId);
  if (spans.length > 0) return spans;
  throw new WhetstoneError("not_found", `There is no trace ${wanted} in the store.`, { remedy: FIND });
}

async function completeId(store: SpanStore, start: string, signal: AbortSignal): Promise<string> {
  const found = new Set<string>();
  let [looked, cursor]: [number, string | undefined] = [0, undefined];
  do {
    signal.throwIfAborted();
    const page = await store.search({}, { limit: PAGE, ...(cursor !== undefined && { cursor }) });
    for (const { traceId } of page.traces) if (traceId.startsWith(start)) found.add(traceId);
    looked += page.traces.length;
    cursor = page.nextCursor;
  } while (cursor !== undefined && looked < LOOKED_THROUGH && found.size < 2);
  const [first, second] = [...found];
  if (first !== undefined && second === undefined) return first;
  if (second !== undefined) {
    const some = [...found].slice(0, 5).join(", ");
    throw new WhetstoneError("usage", `Several traces begin with ${start}: ${some}.`, {
      remedy: "Give more digits of the id.",
    });
  }
  const where = cursor === undefined ? "" : ` among the newest ${looked} traces; give all 32 digits for older ones`;
  throw new WhetstoneError("not_found", `No trace id begins with ${start}${where}.`, { remedy: FIND });
}
