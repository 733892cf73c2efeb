import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryStore } from "../../src/store/memory.ts";
import { openPostgresStore } from "../../src/store/postgres.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import type { Store } from "../../src/store/store.ts";
import { execute, freshDatabase } from "../support/postgres.ts";

/** How a suite gets stores of one kind. */
export type Harness = {
  /** An empty store; the one before it is of no use any more. */
  readonly empty: () => Promise<Store>;
  readonly end: () => Promise<void>;
};

/** Stores in memory. */
export const inMemory = async (): Promise<Harness> => ({
  empty: async () => memoryStore(),
  end: async () => undefined,
});

/** SQLite stores, a file each. */
export async function inFiles(): Promise<Harness> {
  const folder = await mkdtemp(join(tmpdir(), "whetstone-store-"));
  const open: AsyncDisposable[] = [];
  let count = 0;
  const close = async () => {
    for (const store of open.splice(0)) await store[Symbol.asyncDispose]();
  };
  return {
    empty: async () => {
      await close();
      count += 1;
      const store = await openSqliteStore({ path: join(folder, `${count}.db`) });
      open.push(store);
      return store;
    },
    end: async () => {
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Empties every table but the version of the schema. */
export const EMPTY_TABLES = `DO $$ DECLARE names text; BEGIN
  SELECT string_agg(format('whetstone.%I', tablename), ', ') INTO names FROM pg_tables
    WHERE schemaname = 'whetstone' AND tablename <> 'schema_version';
  EXECUTE 'TRUNCATE ' || names || ' RESTART IDENTITY';
END $$`;

/** A PostgreSQL store in a database of its own on `server`. */
export async function inDatabase(server: string): Promise<Harness> {
  const { url, drop } = await freshDatabase(server);
  const store = await openPostgresStore({ url });
  return {
    empty: async () => {
      await execute(url, EMPTY_TABLES);
      return store;
    },
    end: async () => {
      await store[Symbol.asyncDispose]();
      await drop();
    },
  };
}
