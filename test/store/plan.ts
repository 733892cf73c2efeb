import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll } from "@jest/globals";
import { readMigrations } from "../../src/store/migrations.ts";
import type { Query } from "../../src/store/queries/sql.ts";

/** An empty store of its own for the suite that calls it, and how SQLite would answer a query in it. */
export function planOfSqlite(): (query: Query) => string {
  const db = new DatabaseSync(":memory:");
  beforeAll(async () => {
    for (const { sql } of await readMigrations("sqlite")) db.exec(sql);
  });
  afterAll(() => db.close());
  return ({ sql }) =>
    db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map((row) => String(row["detail"]))
      .join("\n");
}
