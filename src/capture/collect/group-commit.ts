import { setImmediate as nextTurn } from "node:timers/promises";
import type { AppendResult } from "../../store/port.ts";

/** What became of items (spans, points, records) that were handed in. */
export type CommitOutcome =
  | { readonly kind: "stored" | "full" }
  /** `lost`: items that were not kept; others of a large request may be, and count as duplicates when it comes again. */
  | { readonly kind: "failed"; readonly error: unknown; readonly lost: number };

/** Stands between requests and a store: requests that arrive together share a transaction. */
export type GroupCommit<Item> = {
  /** Resolves when the items are durable, or are known not to be. Never rejects. */
  readonly submit: (items: readonly Item[]) => Promise<CommitOutcome>;
  /** Says that a request is on its way, so that a commit waits for it a moment; the function says that it is no more. */
  readonly arriving: () => () => void;
  /** Items that wait for their commit. */
  readonly queued: () => number;
  /** Resolves when everything that was submitted is answered. */
  readonly drained: () => Promise<void>;
};

export type GroupCommitOptions<Item> = {
  readonly append: (items: readonly Item[]) => Promise<AppendResult>;
  /** Told of every commit that succeeded. */
  readonly onStored: (result: AppendResult) => void;
  /** Most items that may wait; a request that comes to an empty queue is taken whatever its size. */
  readonly queueItems: number;
  /** Whether requests may share a transaction; default true. */
  readonly shared?: boolean;
  /** Longest wait for requests on their way, ms. */
  readonly lingerMs: number;
};

/** Most items in one transaction: an embedded store holds up the event loop for as long as it takes. */
export const BATCH_ITEMS = 2_048;

/** A request, or a piece of one that is too large for one transaction. */
type Piece<Item> = { readonly items: readonly Item[]; readonly settle: (outcome: CommitOutcome) => void };

type Queue<Item> = {
  readonly options: GroupCommitOptions<Item>;
  readonly pieces: Piece<Item>[];
  queued: number;
  arriving: number;
  /** Resolves the wait for requests on their way. */
  wake: () => void;
  pumping: Promise<void> | undefined;
};

/** A {@link GroupCommit} on a store's `append`. */
export function groupCommit<Item>(options: GroupCommitOptions<Item>): GroupCommit<Item> {
  const queue: Queue<Item> = {
    options,
    pieces: [],
    queued: 0,
    arriving: 0,
    wake: () => undefined,
    pumping: undefined,
  };
  return {
    submit: (items) => submit(queue, items),
    arriving: () => arrive(queue),
    queued: () => queue.queued,
    drained: async () => {
      while (queue.pumping !== undefined) await queue.pumping;
    },
  };
}

function arrive<Item>(queue: Queue<Item>): () => void {
  let isOnItsWay = true;
  queue.arriving += 1;
  return () => {
    if (!isOnItsWay) return;
    isOnItsWay = false;
    queue.arriving -= 1;
    if (isReady(queue)) queue.wake();
  };
}

async function submit<Item>(queue: Queue<Item>, items: readonly Item[]): Promise<CommitOutcome> {
  if (items.length === 0) return { kind: "stored" };
  if (queue.queued > 0 && queue.queued + items.length > queue.options.queueItems) return { kind: "full" };
  const outcomes: Promise<CommitOutcome>[] = [];
  for (let from = 0; from < items.length; from += BATCH_ITEMS) {
    const { promise, resolve } = Promise.withResolvers<CommitOutcome>();
    queue.pieces.push({ items: items.slice(from, from + BATCH_ITEMS), settle: resolve });
    outcomes.push(promise);
  }
  queue.queued += items.length;
  if (isReady(queue)) queue.wake();
  queue.pumping ??= pump(queue);
  const failed = (await Promise.all(outcomes)).filter((outcome) => outcome.kind === "failed");
  const [first] = failed;
  return first ? { ...first, lost: failed.reduce((sum, { lost }) => sum + lost, 0) } : { kind: "stored" };
}

/** Whether nothing is gained by waiting. */
const isReady = <Item>({ options, arriving, queued }: Queue<Item>): boolean =>
  options.shared === false || arriving === 0 || queued >= BATCH_ITEMS;

async function pump<Item>(queue: Queue<Item>): Promise<void> {
  do {
    // What reached the sockets during the last commit becomes known to be on its way.
    await nextTurn();
    if (!isReady(queue)) await arrivals(queue);
    await commit(queue, takeBatch(queue));
  } while (queue.pieces.length > 0);
  queue.pumping = undefined;
}

async function arrivals<Item>(queue: Queue<Item>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  queue.wake = resolve;
  const limit = setTimeout(resolve, queue.options.lingerMs);
  await promise;
  clearTimeout(limit);
}

function takeBatch<Item>(queue: Queue<Item>): Piece<Item>[] {
  if (queue.options.shared === false) return queue.pieces.splice(0, 1);
  let size = 0;
  const fits = queue.pieces.findIndex(({ items }) => (size += items.length) > BATCH_ITEMS);
  return queue.pieces.splice(0, fits === -1 ? queue.pieces.length : Math.max(1, fits));
}

async function commit<Item>(queue: Queue<Item>, batch: readonly Piece<Item>[]): Promise<void> {
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

function settle<Item>(queue: Queue<Item>, batch: readonly Piece<Item>[], result: Appended): void {
  for (const { items, settle: tell } of batch) {
    queue.queued -= items.length;
    tell("error" in result ? { kind: "failed", error: result.error, lost: items.length } : result);
  }
}

async function append<Item>({ options }: Queue<Item>, batch: readonly Piece<Item>[]): Promise<Appended> {
  try {
    const [only, ...others] = batch;
    const items = only && others.length === 0 ? only.items : batch.flatMap((piece) => piece.items);
    options.onStored(await options.append(items));
    return { kind: "stored" };
  } catch (error) {
    return { error };
  }
}
