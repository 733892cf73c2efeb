import { setTimeout as delay } from "node:timers/promises";
import { resultCode } from "./sqlite-errors.ts";

/** Result code of a database that another process writes to. */
const BUSY = 5;

/** How long a write waits for its turn in all; ms. */
const PATIENCE_MS = 60_000;

/** Longest pause between two looks at the lock; ms. */
const LONGEST_PAUSE_MS = 8;

/** How long after meeting another writer this process makes room for others; ms. */
const POLITE_MS = 1_000;

/** Monotonic time in ms, and pauses: the platform's unless a test says otherwise. */
export type Pace = { readonly now: () => number; readonly pause: (ms: number) => Promise<unknown> };

const PLATFORM: Pace = { now: () => performance.now(), pause: (ms) => delay(ms) };

/**
 * Writes of one process, one after the other, in turns with those of other processes. SQLite alone looks for the lock
 * every 100 ms and blocks the event loop meanwhile; a writer that never pauses then starves the others for seconds. Here
 * the wait leaves the event loop free, looks every few ms, the more often the longer it has waited, and who has met
 * another writer lately makes room after each write of its own. Without others nothing is waited for, and a write has
 * happened when the call returns.
 */
export function writeTurns(pace: Pace = PLATFORM) {
  let queue: Promise<unknown> | undefined;
  let lastBusy = -Infinity;
  let nextAt = -Infinity;
  const attempt = <T>(work: () => T): T => {
    const begun = pace.now();
    try {
      return work();
    } catch (thrown) {
      if (resultCode(thrown) === BUSY) lastBusy = pace.now();
      throw thrown;
    } finally {
      const ended = pace.now();
      if (ended - lastBusy < POLITE_MS) nextAt = ended + Math.max(2, (ended - begun) / 2);
    }
  };
  const waitFor = async <T>(work: () => T): Promise<T> => {
    const since = pace.now();
    if (nextAt > since) await pace.pause(nextAt - since);
    for (;;) {
      try {
        return attempt(work);
      } catch (thrown) {
        const waited = pace.now() - since;
        if (resultCode(thrown) !== BUSY || waited > PATIENCE_MS) throw thrown;
        await pace.pause(Math.max(1, LONGEST_PAUSE_MS - waited / 100));
      }
    }
  };
  return {
    /** Runs a write that throws SQLite's busy error when another process writes. */
    take: async <T>(work: () => T): Promise<T> => {
      const before = queue;
      const turn = (async () => {
        if (before !== undefined) await before.catch(() => undefined);
        return waitFor(work);
      })();
      queue = turn;
      try {
        return await turn;
      } finally {
        if (queue === turn) queue = undefined;
      }
    },
    /** Resolves when no write waits any more. */
    idle: async (): Promise<void> => {
      while (queue !== undefined) await queue.catch(() => undefined);
    },
  };
}
