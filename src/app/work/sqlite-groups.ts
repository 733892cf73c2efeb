import type { DatabaseSync } from "node:sqlite";
import type { Attempt } from "../../store/sqlite-attempt.ts";
import { sqliteError } from "../../store/sqlite-errors.ts";
import { inTransaction } from "../../store/sqlite-query.ts";

/** Reads, and writes that share their transactions. */
export type Grouped = {
  readonly read: Attempt;
  /** Runs a write; resolves when it is on the disk. */
  readonly write: Attempt;
  /** Resolves when no write waits any more. */
  readonly idle: () => Promise<void>;
};

/** Writes of one transaction at most, so that the event loop has its turn. */
const LARGEST_GROUP = 64;

type Waiting = { readonly run: () => void; readonly settle: () => void; readonly fail: (error: unknown) => void };

/**
 * Puts the writes of one turn of the event loop into one transaction: waiting for the disk is what a small write
 * costs. A write that throws takes back what it did itself, and the others stand.
 */
export function groupedWrites(db: DatabaseSync, attempt: Attempt): Grouped {
  const waiting: Waiting[] = [];
  let underWay: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    // Whoever has something to write in this turn of the event loop comes along.
    await new Promise(setImmediate);
    for (let group = waiting.splice(0, LARGEST_GROUP); group.length > 0; group = waiting.splice(0, LARGEST_GROUP)) {
      await writeGroup(group);
    }
    underWay = undefined;
  };
  const writeGroup = async (group: readonly Waiting[]): Promise<void> => {
    try {
      await attempt(() => inTransaction(db, "BEGIN IMMEDIATE", () => group.forEach(({ run }) => run())));
      for (const { settle } of group) settle();
    } catch (error) {
      for (const { fail } of group) fail(error);
    }
  };
  return {
    read: async (look) => {
      try {
        return look();
      } catch (thrown) {
        throw sqliteError(thrown, { code: "store_read_failed", what: "The queue of the App could not be read" });
      }
    },
    write: <T>(change: () => T) => {
      const answer = Promise.withResolvers<T>();
      waiting.push(waitingFor(db, change, answer));
      underWay ??= work();
      return answer.promise;
    },
    idle: async () => await underWay,
  };
}

function waitingFor<T>(db: DatabaseSync, change: () => T, answer: PromiseWithResolvers<T>): Waiting {
  let settle = (): void => undefined;
  return {
    run: () => {
      db.exec("SAVEPOINT one");
      try {
        const value = change();
        settle = () => answer.resolve(value);
      } catch (thrown) {
        // A disk that is full ends the whole transaction by itself.
        if (!db.isTransaction) throw thrown;
        db.exec("ROLLBACK TO one");
        const what = "The queue of the App could not be written";
        settle = () => answer.reject(sqliteError(thrown, { code: "store_write_failed", what }));
      }
      db.exec("RELEASE one");
    },
    settle: () => settle(),
    fail: (error) => answer.reject(error),
  };
}
