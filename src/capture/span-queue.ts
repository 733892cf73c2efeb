import type { Span } from "../model/span.ts";

/** What became of the spans that were pushed. */
export type QueueSummary = {
  readonly written: number;
  /** Left out because the queue was full. */
  readonly dropped: number;
  /** Lost because a write failed. */
  readonly failed: number;
  /** The first failure of a write. */
  readonly error?: unknown;
};

/** Stands between traffic and a store: `push` returns at once whatever the store does. */
export type SpanQueue = {
  readonly push: (spans: readonly Span[]) => void;
  /** What was kept and lost up to now. */
  readonly summary: () => QueueSummary;
  /** Writes what is queued and says what was kept. Nothing may be pushed afterwards. */
  readonly close: () => Promise<QueueSummary>;
};

/** Most spans in one write. */
const BATCH = 1_000;

/** With this many spans waiting every write is a large one, whatever was asked for: they cost less per span. */
const BACKLOG = 5_000;

/** Most spans in a write of a backlog. */
const BACKLOG_BATCH = 2_000;

/**
 * Writes spans in batches, `inFlight` (default 1) of them at a time. A batch is written `lingerMs` (default 100) after its first span, so
 * that a busy connection makes few writes. Above `limit` queued spans new ones are dropped and counted; a failed write
 * loses its batch, which is counted too, and the next batch is tried.
 */
export function spanQueue(options: {
  readonly write: (spans: readonly Span[]) => Promise<unknown>;
  readonly limit?: number | undefined;
  readonly lingerMs?: number | undefined;
  /** Most spans in one write while few wait. */
  readonly batch?: number | undefined;
  readonly inFlight?: number | undefined;
}): SpanQueue {
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  const small = options.batch ?? BATCH;
  const large = Math.max(BACKLOG_BATCH, small);
  const queued: Span[] = [];
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  const counts = { written: 0, dropped: 0, failed: 0 };
  let failure: { error: unknown } | undefined;

  const writeOne = async (batch: readonly Span[]): Promise<void> => {
    try {
      await options.write(batch);
      counts.written += batch.length;
    } catch (error) {
      counts.failed += batch.length;
      failure ??= { error };
    }
  };
  const drain = async (): Promise<void> => {
    while (queued.length > 0) await writeOne(queued.splice(0, queued.length > BACKLOG ? large : small));
  };
  const drainAll = async (): Promise<void> => {
    await Promise.all(Array.from({ length: options.inFlight ?? 1 }, drain));
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(drainAll);
    return writing;
  };

  return {
    push: (spans) => {
      const room = Math.max(0, limit - queued.length);
      for (const span of spans.slice(0, room)) queued.push(span);
      counts.dropped += Math.max(0, spans.length - room);
      timer ??= setTimeout(() => void flush(), options.lingerMs ?? 100);
    },
    summary: () => ({ ...counts, ...failure }),
    close: async () => {
      await flush();
      return { ...counts, ...failure };
    },
  };
}
