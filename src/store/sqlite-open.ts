import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { WhetstoneError } from "../model/error.ts";
import { ROLLUP_MIGRATION } from "./backfill.ts";
import { pendingMigrations, readMigrations, type Migration } from "./migrations.ts";
import { backfillSqlite } from "./sqlite-backfill.ts";
import { inTransaction } from "./sqlite-query.ts";
import { sqliteError } from "./sqlite-errors.ts";
import { writeTurns } from "./sqlite-turns.ts";

/** `PRAGMA application_id` of a span store: "WHET" in ASCII. */
const APPLICATION_ID = 0x57484554;

/** How long SQLite itself waits for another process, in everything but {@link withoutWaiting}; ms. */
const BUSY_TIMEOUT_MS = 30_000;

export type SqliteOptions = {
  readonly path: string;
  /** Opens an existing store and refuses to write. */
  readonly readOnly?: boolean;
};

/**
 * Opens the database, sets it up and brings its schema up to date.
 * @throws WhetstoneError `store_open_failed` when it cannot be opened, is not a span store or is newer than the program.
 */
export async function openDatabase({ path, readOnly = false }: SqliteOptions): Promise<DatabaseSync> {
  const migrations = await readMigrations("sqlite");
  let db: DatabaseSync | undefined;
  try {
    if (!readOnly) await mkdir(dirname(path), { recursive: true });
    await checkSize(path);
    const opened = new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
    db = opened;
    const look = () => (readOnly ? checkReadable(opened, migrations, path) : prepare(opened, migrations, path));
    // SQLite answers the change to WAL, and recovery by another process, with "busy" at once, whatever its timeout.
    await writeTurns().take(() => withoutWaiting(opened, look));
    return opened;
  } catch (thrown) {
    if (db?.isOpen) db.close();
    throw sqliteError(thrown, { code: "store_open_failed", what: `The span store ${path} could not be opened` });
  }
}

/** Runs `work` so that a lock of another process is an error at once; the caller takes its turn later. */
export function withoutWaiting<T>(db: DatabaseSync, work: () => T): T {
  db.exec("PRAGMA busy_timeout = 0");
  try {
    return work();
  } finally {
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  }
}

/** SQLite itself takes a file of a few bytes for an empty database and overwrites it; no database is that small. */
async function checkSize(path: string): Promise<void> {
  // What cannot be looked at is reported by the open that follows.
  const { size } = (await stat(path).catch(() => undefined)) ?? { size: 0 };
  if (size === 0 || size >= 512) return;
  throw new WhetstoneError("store_open_failed", `${path} is not a SQLite database.`, {
    remedy: "Name another file with --db; this one was not changed.",
  });
}

function prepare(db: DatabaseSync, migrations: readonly Migration[], path: string): void {
  // Looked at before anything is set: a database of another program stays as it is.
  checkOwner(db, path);
  db.exec("PRAGMA journal_mode = WAL");
  // FULL: an append that resolved survives power loss, not only the end of the process.
  db.exec("PRAGMA synchronous = FULL; PRAGMA cache_size = -16000; PRAGMA journal_size_limit = 67108864");
  // Rollups rewrite the same few pages: fewer checkpoints write each of them less often.
  db.exec("PRAGMA wal_autocheckpoint = 4000");
  migrate(db, migrations, path);
}

function migrate(db: DatabaseSync, migrations: readonly Migration[], path: string): void {
  if (pendingMigrations(migrations, pragma(db, "user_version"), path).length === 0) return;
  inTransaction(db, "BEGIN IMMEDIATE", () => {
    // Read again under the lock: another process may have migrated meanwhile.
    checkOwner(db, path);
    for (const { version, sql } of pendingMigrations(migrations, pragma(db, "user_version"), path)) {
      db.exec(sql);
      if (version === ROLLUP_MIGRATION) backfillSqlite(db);
    }
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${migrations.length}`);
  });
}

/**
 * Opens a store to copy it, whatever its schema.
 * @throws WhetstoneError `store_open_failed`
 */
export function openAsItIs(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
    checkOwner(db, path);
    return db;
  } catch (thrown) {
    db?.close();
    throw sqliteError(thrown, { code: "store_open_failed", what: `The span store ${path} could not be opened` });
  }
}

/** @throws WhetstoneError `store_open_failed` when the file is a database of another program. */
function checkOwner(db: DatabaseSync, path: string): void {
  const isNew = Number(db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"]) === 0;
  const owner = pragma(db, "application_id");
  if (owner === APPLICATION_ID || (isNew && owner === 0)) return;
  throw new WhetstoneError("store_open_failed", `${path} is a SQLite database, but not a span store.`, {
    remedy: "Name another file with --db; this one was not changed.",
  });
}

function checkReadable(db: DatabaseSync, migrations: readonly Migration[], path: string): void {
  checkOwner(db, path);
  if (pendingMigrations(migrations, pragma(db, "user_version"), path).length === 0) return;
  throw new WhetstoneError("store_open_failed", `${path} has an older schema and was opened for reading only.`, {
    remedy: "Open it once for writing, for example with whetstone import; that brings it up to date.",
  });
}

function pragma(db: DatabaseSync, name: "user_version" | "application_id"): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}
