import type { DatabaseSync } from "node:sqlite";
import type { Query, SqlValue } from "./queries/sql.ts";

/** Parameters as SQLite wants them for the places `$1`, `$2`, … */
export const named = (params: readonly SqlValue[]): Record<string, SqlValue> =>
  Object.fromEntries(params.map((value, index) => [`$${index + 1}`, value]));

/** All rows of a query; integers are bigint. */
export function selectAll(db: DatabaseSync, { sql, params }: Query): Record<string, unknown>[] {
  const statement = db.prepare(sql);
  statement.setReadBigInts(true);
  return statement.all(named(params));
}

/** Runs `work` between `begin` and COMMIT; rolls back and throws what `work` throws. */
export function inTransaction<T>(db: DatabaseSync, begin: "BEGIN" | "BEGIN IMMEDIATE", work: () => T): T {
  db.exec(begin);
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (thrown) {
    // SQLite ends the transaction itself on some errors, for example when the disk is full.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw thrown;
  }
}
