import type pg from "pg";
import { ROLLUP_MIGRATION } from "./backfill.ts";
import { pendingMigrations, readMigrations } from "./migrations.ts";
import { backfillPostgres } from "./postgres-backfill.ts";
import { inTransaction } from "./postgres-transaction.ts";

/** Key of the advisory lock that migrations run under: "WHET" in ASCII. */
const LOCK = 0x57484554;

/** Brings the schema `whetstone` up to date in one transaction; concurrent openers wait for each other. */
export async function migratePostgres(pool: pg.Pool, name: string): Promise<void> {
  const migrations = await readMigrations("postgres");
  // Asked first, so that a user without the right to create can open a store that is up to date.
  if (pendingMigrations(migrations, await schemaVersion(pool), name).length === 0) return;
  await inTransaction(pool, "BEGIN", async (client) => {
    await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
    const version = await schemaVersion(client);
    if (version === 0) {
      await client.query("CREATE SCHEMA IF NOT EXISTS whetstone");
      await client.query("CREATE TABLE whetstone.schema_version (version integer NOT NULL)");
      await client.query("INSERT INTO whetstone.schema_version VALUES (0)");
    }
    for (const step of pendingMigrations(migrations, version, name)) {
      await client.query(step.sql);
      if (step.version === ROLLUP_MIGRATION) await backfillPostgres(client);
    }
    await client.query("UPDATE whetstone.schema_version SET version = $1", [migrations.length]);
  });
}

/** Version of the schema; 0 when there is none. */
async function schemaVersion(client: Pick<pg.Pool, "query"> | pg.PoolClient): Promise<number> {
  // Not to_regclass: that may answer from this connection's cache, from before another process migrated.
  const { rowCount } = await client.query(`SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'whetstone' AND c.relname = 'schema_version'`);
  if (rowCount === 0) return 0;
  const found = await client.query("SELECT version FROM whetstone.schema_version");
  return Number(found.rows[0]?.version);
}
