import type pg from "pg";
import { postgresError } from "./postgres-errors.ts";
import { withRetry } from "./postgres-append.ts";
import { inTransaction } from "./postgres-transaction.ts";

/** Runs a read or a write so that a failure says what was being done. */
export type Attempt = <T>(work: () => Promise<T>) => Promise<T>;

/** What the parts of an open store share: its connections, and how it is read and written. */
export type PostgresAccess = {
  readonly pool: pg.Pool;
  readonly read: Attempt;
  readonly write: Attempt;
  /** Runs a write in one transaction, again when PostgreSQL ended it in favour of another one. */
  readonly transact: <T>(work: (client: pg.PoolClient) => Promise<T>) => Promise<T>;
};

/** All reads of a transaction that begins so are of one moment. */
export const SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/** Access to the store called `name` over a pool. */
export function postgresAccess(pool: pg.Pool, name: string): PostgresAccess {
  const read: Attempt = async (work) => {
    try {
      return await work();
    } catch (thrown) {
      throw postgresError(thrown, { code: "store_read_failed", what: `The span store ${name} could not be read` });
    }
  };
  const write: Attempt = async (work) => {
    try {
      return await work();
    } catch (thrown) {
      const what = `The span store ${name} could not be written, nothing of this was kept`;
      throw postgresError(thrown, { code: "store_write_failed", what });
    }
  };
  const transact: PostgresAccess["transact"] = (work) =>
    write(() => withRetry(() => inTransaction(pool, "BEGIN", work)));
  return { pool, read, write, transact };
}
