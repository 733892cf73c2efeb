import { readFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { execute } from "../support/postgres.ts";

/** Tables of the first migration of a dialect. */
async function firstTables(dialect: "sqlite" | "postgres"): Promise<readonly string[]> {
  const sql = await readFile(new URL(`../../sql/${dialect}/000001.sql`, import.meta.url), "utf8");
  return Array.from(sql.matchAll(/CREATE TABLE (?:whetstone\.)?(\w+)/g), ([, name]) => name ?? "");
}

/** Makes a SQLite store one of the first schema, with the spans that it holds. */
export async function backToFirstSqlite(file: string): Promise<void> {
  const first = await firstTables("sqlite");
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: false });
  const tables = db.prepare(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'",
  );
  for (const name of tables.all().map((row) => String(row["name"]))) {
    if (!first.includes(name)) db.exec(`DROP TABLE ${name}`);
  }
  db.exec("DROP INDEX traces_retention; PRAGMA user_version = 1");
  db.close();
}

/** The same for a PostgreSQL store. */
export async function backToFirstPostgres(url: string): Promise<void> {
  const kept = [...(await firstTables("postgres")), "schema_version"].map((name) => `'${name}'`).join(", ");
  await execute(
    url,
    `DO $$ DECLARE names text; BEGIN
      SELECT string_agg(format('whetstone.%I', tablename), ', ') INTO names FROM pg_tables
        WHERE schemaname = 'whetstone' AND tablename NOT IN (${kept});
      EXECUTE 'DROP TABLE ' || names;
    END $$;
    DROP INDEX whetstone.traces_retention;
    ALTER TABLE whetstone.spans DROP COLUMN IF EXISTS arrived;
    UPDATE whetstone.schema_version SET version = 1`,
  );
}
