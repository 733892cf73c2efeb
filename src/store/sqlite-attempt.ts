import type { DatabaseSync } from "node:sqlite";
import { WhetstoneError } from "../model/error.ts";
import { sqliteError } from "./sqlite-errors.ts";
import { withoutWaiting } from "./sqlite-open.ts";
import type { writeTurns } from "./sqlite-turns.ts";

/** Runs a read or a write so that a failure says what was being done. */
export type Attempt = <T>(work: () => T) => Promise<T>;

/** What the parts of an open store share: its connection, and how it is read and written. */
export type SqliteAccess = { readonly db: DatabaseSync; readonly read: Attempt; readonly write: Attempt };

/** Reads; fails with `store_read_failed`. */
export const reader =
  (path: string): Attempt =>
  async (work) => {
    try {
      return work();
    } catch (thrown) {
      throw sqliteError(thrown, { code: "store_read_failed", what: `The span store ${path} could not be read` });
    }
  };

/** Writes when it is their turn; fails with `store_write_failed`. */
export const writer =
  (db: DatabaseSync, path: string, turns: ReturnType<typeof writeTurns>): Attempt =>
  async (work) => {
    try {
      return await turns.take(() => withoutWaiting(db, work));
    } catch (thrown) {
      const what = `The span store ${path} could not be written, nothing of this was kept`;
      throw sqliteError(thrown, { code: "store_write_failed", what });
    }
  };

/** Writes to a store that was opened for reading only. */
export const refuser =
  (path: string): Attempt =>
  async () => {
    throw new WhetstoneError("store_write_failed", `The span store ${path} was opened for reading only.`, {
      remedy: "Open it for writing.",
    });
  };
