import type { Span } from "../model/span.ts";
import type { Clock } from "../model/time.ts";
import type { SpanStore } from "../store/port.ts";

/** What happens in a stream. Every cursor leads on after its event. */
export type StreamEvent =
  | { readonly type: "span"; readonly cursor: string; readonly span: Span }
  /** Spans were left out: the store removed them before they were read, or the reader was too slow for them. */
  | { readonly type: "gap"; readonly cursor: string; readonly reason: "removed" | "reader_too_slow" }
  /** Nothing has come for a while; the stream lives. */
  | { readonly type: "heartbeat"; readonly cursor: string }
  /** The server stops, or the reader's credential holds no more. */
  | { readonly type: "end"; readonly cursor: string };

/** How a stream goes. */
export type FollowPace = {
  /** Between two looks at the store when nothing is there, ms. */
  readonly pollMs: number;
  /** Without a span for so long, a heartbeat is sent, ms. */
  readonly heartbeatMs: number;
  /** A reader that takes longer than this for one event misses what came meanwhile, ms. */
  readonly patienceMs: number;
  /** Spans that are held at once. */
  readonly page: number;
};

export const FOLLOW_PACE: FollowPace = { pollMs: 500, heartbeatMs: 15_000, patienceMs: 60_000, page: 100 };

/** What following works with. */
export type FollowParts = {
  readonly store: Pick<SpanStore, "arrivals">;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly pace?: Partial<FollowPace> | undefined;
};

/** Where to begin, which spans, and until when. */
export type FollowRequest = {
  /** Of an earlier event; the present when absent. */
  readonly cursor?: string | undefined;
  readonly matches: (span: Span) => boolean;
  /** Whether the reader may still read; asked before every look at the store. */
  readonly mayRead?: () => Promise<boolean>;
  readonly signal: AbortSignal;
};

/**
 * Spans as they arrive in the store, by whatever process, until the signal aborts or the reader may read no more; then
 * `end`. Nothing is buffered beyond
 * one page: while an event is not taken the store is not asked, and what arrives waits there. Gaps are told, not filled.
 * The first page is asked for before anything is returned, so that a bad cursor is an error and no stream.
 * @throws WhetstoneError `usage`: the cursor is not of this store; `store_read_failed`
 */
export async function follow(parts: FollowParts, request: FollowRequest): Promise<AsyncGenerator<StreamEvent>> {
  const pace = { ...FOLLOW_PACE, ...parts.pace };
  const first = await nextPage(parts, pace.page, request.cursor);
  return events({ ...parts, pace }, request, first);
}

type Page = Awaited<ReturnType<SpanStore["arrivals"]>>;
type Paced = FollowParts & { readonly pace: FollowPace };

async function* events(parts: Paced, request: FollowRequest, first: Page): AsyncGenerator<StreamEvent> {
  const { pace, clock } = parts;
  const { signal } = request;
  let page = first;
  let place = first.cursor;
  let spokeMs = clock.monotonicMs();
  while (!signal.aborted) {
    if (page.isGap) yield { type: "gap", cursor: page.cursor, reason: "removed" };
    let isLate = false;
    for (const { span, cursor } of page.arrivals) {
      if (signal.aborted || isLate) break;
      place = cursor;
      if (!request.matches(span)) continue;
      spokeMs = clock.monotonicMs();
      yield { type: "span", cursor, span };
      isLate = clock.monotonicMs() - spokeMs > pace.patienceMs;
    }
    if (signal.aborted) break;
    if (isLate) {
      place = (await nextPage(parts, 1, undefined)).cursor;
      spokeMs = clock.monotonicMs();
      yield { type: "gap", cursor: place, reason: "reader_too_slow" };
    } else place = page.cursor;
    // With more to come, requests of others have their turn; otherwise there is time.
    if (page.arrivals.length === pace.page) await new Promise(setImmediate);
    else await parts.pause(pace.pollMs, signal);
    if (!signal.aborted && clock.monotonicMs() - spokeMs >= pace.heartbeatMs) {
      spokeMs = clock.monotonicMs();
      yield { type: "heartbeat", cursor: place };
    }
    if (signal.aborted || (await request.mayRead?.()) === false) break;
    page = await nextPage(parts, pace.page, place);
  }
  yield { type: "end", cursor: place };
}

const nextPage = ({ store }: Pick<FollowParts, "store">, limit: number, cursor: string | undefined): Promise<Page> =>
  store.arrivals({ limit, ...(cursor !== undefined && { cursor }) });
