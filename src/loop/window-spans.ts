import { WhetstoneError } from "../model/error.ts";
import { ATTR, type Span } from "../model/span.ts";
import { formatInstant } from "../model/time.ts";
import type { SpanStore } from "../store/port.ts";

/** Above this many spans an analysis would not fit into memory comfortably. */
const MOST_SPANS = 500_000;

/** A window in ns since the Unix epoch: `sinceNs` inclusive, `untilNs` exclusive. */
export type SpanWindow = { readonly sinceNs: bigint; readonly untilNs: bigint };

/** What of a store is read. */
export type TraceReader = Pick<SpanStore, "spans" | "search" | "trace">;

/**
 * The spans of whole traces that start in a window: those that began before it are left out, those that go on after it
 * are completed. Traces of canaries and tried changes are left out, and counted.
 * @throws WhetstoneError `usage` for more spans than fit into memory
 */
export async function windowSpans(
  store: TraceReader,
  window: SpanWindow,
): Promise<{ readonly spans: readonly Span[]; readonly ofCanaries: number }> {
  const byTrace = new Map<string, Span[]>();
  let count = 0;
  for await (const batch of store.spans(window)) {
    for (const span of batch) pushTo(byTrace, span);
    count += batch.length;
    requireRoom(count, windowLabel(window));
  }
  await completeTraces(store, byTrace, window);
  const kept = [...byTrace.values()].filter((spans) => !isOfCanary(spans));
  return { spans: kept.flat(), ofCanaries: byTrace.size - kept.length };
}

/** `FROM..TO`, for people. */
function windowLabel({ sinceNs, untilNs }: SpanWindow): string {
  return `${formatInstant(sinceNs)}..${formatInstant(untilNs)}`;
}

/** @throws WhetstoneError `usage` when there are more spans than an analysis takes */
export function requireRoom(spans: number, where: string): void {
  if (spans <= MOST_SPANS) return;
  throw new WhetstoneError("usage", `${where} holds more than ${MOST_SPANS} spans.`, {
    remedy: "Choose a shorter window or a smaller file.",
  });
}

function pushTo(byTrace: Map<string, Span[]>, span: Span): void {
  const own = byTrace.get(span.traceId);
  if (own === undefined) byTrace.set(span.traceId, [span]);
  else own.push(span);
}

async function completeTraces(store: TraceReader, byTrace: Map<string, Span[]>, window: SpanWindow): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await store.search(window, { limit: 1_000, ...(cursor === undefined ? {} : { cursor }) });
    for (const { traceId, startNs, spans } of page.traces) {
      if (startNs < window.sinceNs) byTrace.delete(traceId);
      else if (byTrace.get(traceId)?.length !== spans) byTrace.set(traceId, [...(await store.trace(traceId))]);
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}

const isOfCanary = (spans: readonly Span[]): boolean => spans.some(({ resource }) => resource[ATTR.arm] === "canary");
