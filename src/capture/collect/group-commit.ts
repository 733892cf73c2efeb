import { setImmediate as nextTurn } from "node:timers/promises";
import type { Span } from "../../model/span.ts";
import type { AppendResult } from "../../store/port.ts";

/** What became of spans that were handed in. */
export type CommitOutcome =
  | { readonly kind: "stored" | "full" }
  /** `lost`: spans that were not kept; others of a large request may be, and count as duplicates when it comes again. */
  | { readonly kind: "failed"; readonly error: unknown; readonly lost: number };

/** Stands between requests and a store: requests that arrive together share a transaction. */
export type GroupCommit = {
  /** Resolves when the spans are durable, or are known not to be. Never rejects. */
  readonly submit: (spans: readonly Span[]) => Promise<CommitOutcome>;
  /** Says that a request is on its way, so that a commit waits for it a moment; the function says that it is no more. */
  readonly arriving: () => () => void;
  /** Spans that wait for their commit. */
  readonly queued: () => number;
  /** Resolves when everything that was submitted is answered. */
  readonly drained: () => Promise<void>;
};

export type GroupCommitOptions = {
  readonly append: (spans: readonly Span[]) => Promise<AppendResult>;
  /** Told of every commit that succeeded. */
  readonly onStored: (result: AppendResult) => void;
  /** Most spans that may wait; a request that comes to an empty queue is taken whatever its size. */
  readonly queueSpans: number;
  /** Longest wait for requests on their way, ms. */
  readonly lingerMs: number;
};

/** Most spans in one transaction: an embedded store holds up the event loop for as long as it takes. */
export const BATCH_SPANS = 2_048;

/** A request, or a piece of one that is too large for one transaction. */
type Piece = { readonly spans: readonly Span[]; readonly settle: (outcome: CommitOutcome) => void };

type Queue = {
  readonly options: GroupCommitOptions;
  readonly pieces: Piece[];
  queued: number;
  arriving: number;
  /** Resolves the wait for requests on their way. */
  wake: () => void;
  pumping: Promise<void> | undefined;
};

/** A {@link GroupCommit} on a store's `append`. */
export function groupCommit(options: GroupCommitOptions): GroupCommit {
  const queue: Queue = {
    options,
    pieces: [],
    queued: 0,
    arriving: 0,
    wake: () => undefined,
    pumping: undefined,
  };
  return {
    submit: (spans) => submit(queue, spans),
    arriving: () => arrive(queue),
    queued: () => queue.queued,
    drained: async () => {
      while (queue.pumping !== undefined) await queue.pumping;
    },
  };
}

function arrive(queue: Queue): () => void {
  let isOnItsWay = true;
  queue.arriving += 1;
  return () => {
    if (!isOnItsWay) return;
    isOnItsWay = false;
    queue.arriving -= 1;
    if (isReady(queue)) queue.wake();
  };
}

async function submit(queue: Queue, spans: readonly Span[]): Promise<CommitOutcome> {
  if (spans.length === 0) return { kind: "stored" };
  if (queue.queued > 0 && queue.queued + spans.length > queue.options.queueSpans) return { kind: "full" };
  const outcomes: Promise<CommitOutcome>[] = [];
  for (let from = 0; from < spans.length; from += BATCH_SPANS) {
    const { promise, resolve } = Promise.withResolvers<CommitOutcome>();
    queue.pieces.push({ spans: spans.slice(from, from + BATCH_SPANS), settle: resolve });
    outcomes.push(promise);
  }
  queue.queued += spans.length;
  if (isReady(queue)) queue.wake();
  queue.pumping ??= pump(queue);
  const failed = (await Promise.all(outcomes)).filter((outcome) => outcome.kind === "failed");
  const [first] = failed;
  return first ? { ...first, lost: failed.reduce((sum, { lost }) => sum + lost, 0) } : { kind: "stored" };
}

const isReady = (queue: Queue): boolean => queue.arriving === 0 || queue.queued >= BATCH_SPANS;

async function pump(queue: Queue): Promise<void> {
  do {
    // What reached the sockets during the last commit becomes known to be on its way.
    await nextTurn();
    if (!isReady(queue)) await arrivals(queue);
    await commit(queue, takeBatch(queue));
  } while (queue.pieces.length > 0);
  queue.pumping = undefined;
}

async function arrivals(queue: Queue): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  queue.wake = resolve;
  const limit = setTimeout(resolve, queue.options.lingerMs);
  await promise;
  clearTimeout(limit);
}

function takeBatch(queue: Queue): Piece[] {
  let size = 0;
  const fits = queue.pieces.findIndex(({ spans }) => (size += spans.length) > BATCH_SPANS);
  return queue.pieces.splice(0, fits === -1 ? queue.pieces.length : Math.max(1, fits));
}

async function commit(queue: Queue, batch: readonly Piece[]): Promise<void> {
  const result = await append(queue, batch);
  if (!("error" in result) || batch.length === 1) return settle(queue, batch, result);
  // One request that the store refuses must not cost the others; two in a row are the store's own trouble.
  let failures = 0;
  for (const piece of batch) {
    const own = failures < 2 ? await append(queue, [piece]) : result;
    failures = "error" in own ? failures + 1 : 0;
    settle(queue, [piece], own);
  }
}

type Appended = { readonly kind: "stored" } | { readonly error: unknown };

function settle(queue: Queue, batch: readonly Piece[], result: Appended): void {
  for (const { spans, settle: tell } of batch) {
    queue.queued -= spans.length;
    tell("error" in result ? { kind: "failed", error: result.error, lost: spans.length } : result);
  }
}

async function append({ options }: Queue, batch: readonly Piece[]): Promise<Appended> {
  try {
    const [only, ...others] = batch;
    const spans = only && others.length === 0 ? only.spans : batch.flatMap((piece) => piece.spans);
    options.onStored(await options.append(spans));
    return { kind: "stored" };
  } catch (error) {
    return { error };
  }
}
