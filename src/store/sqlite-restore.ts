import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileFaultOf, messageOf, WhetstoneError } from "../model/error.ts";
import { checksumFile, digestOf, removeQuietly, syncFile, type Backup } from "./sqlite-backup.ts";
import { checkIntegrity } from "./sqlite-check.ts";
import { resultCode, sqliteError } from "./sqlite-errors.ts";
import { openDatabase } from "./sqlite-open.ts";

export type RestoreOptions = {
  /** The backup. */
  readonly file: string;
  /** Where the store is to be. */
  readonly path: string;
  /** Replaces the store that is there, if nobody uses it. */
  readonly force?: boolean;
};

/** Result codes of a file that is no database any more. */
const DAMAGED = [11, 26];

/**
 * Puts a backup in the place of a store: whole, checked against its checksum and page by page, and brought up to date.
 * @throws WhetstoneError `usage` when there is a store and no force, `input_unreadable` when the backup or its checksum
 * is missing or does not match, `store_read_failed` when it is damaged, `store_open_failed` when it is no span store, is
 * newer than the program or others use the store that is there, `write_failed`; the store stays as it was
 */
export async function restoreSqlite({ file, path, force = false }: RestoreOptions): Promise<Backup> {
  if (!force && existsSync(path)) {
    throw new WhetstoneError("usage", `There is a store at ${path}.`, {
      remedy: "Name another place with --db, or replace this one with --force; whetstone backup saves it before.",
    });
  }
  const expected = await checksumOf(file);
  const draft = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const { traces, bytes } = await verifiedCopy(file, draft, expected);
    await takeOver(path);
    await rename(draft, path);
    await syncFolder(dirname(path));
    return { bytes, sha256: expected, traces };
  } catch (cause) {
    for (const name of [draft, `${draft}-wal`, `${draft}-shm`]) await removeQuietly(name);
    if (cause instanceof WhetstoneError) throw cause;
    throw new WhetstoneError("write_failed", `The store ${path} could not be restored: ${messageOf(cause)}.`, {
      remedy: "Check that the folder may be written to and has as much space left as the backup takes.",
      cause,
    });
  }
}

async function checksumOf(file: string): Promise<string> {
  const name = checksumFile(file);
  const remedy = `Bring the backup and ${basename(name)} along together; sha256sum ${basename(file)} > ${basename(name)} makes it anew.`;
  const text = await readFile(name, "utf8").catch((cause: unknown) => {
    throw new WhetstoneError("input_unreadable", `${name} cannot be read: ${fileFaultOf(cause)}.`, { remedy, cause });
  });
  const sha256 = /^([0-9a-f]{64}) [ *]/.exec(text)?.[1];
  if (sha256 !== undefined) return sha256;
  throw new WhetstoneError("input_unreadable", `${name} holds no SHA-256 checksum.`, { remedy });
}

/** A copy beside the store that is what the checksum says, without fault, and of this program's schema. */
async function verifiedCopy(file: string, draft: string, expected: string): Promise<{ traces: number; bytes: number }> {
  await copyFile(file, draft).catch((cause: unknown) => {
    throw new WhetstoneError("input_unreadable", `${file} cannot be copied: ${messageOf(cause)}.`, { cause });
  });
  const { sha256, bytes } = await digestOf(draft);
  if (sha256 !== expected) {
    throw new WhetstoneError("input_unreadable", `${file} is not what ${checksumFile(file)} says: ${sha256}.`, {
      remedy: "The backup was changed or cut: take another one. The store is as it was.",
    });
  }
  {
    using db = await openDatabase({ path: draft });
    // The copy stands by itself: only one file is moved into place.
    db.exec("PRAGMA journal_mode = DELETE");
  }
  const { traces } = checkIntegrity(draft);
  await syncFile(draft);
  return { traces, bytes };
}

/** Makes sure that nobody uses the store that is there, and that nothing of its log is left beside the new one. */
async function takeOver(path: string): Promise<void> {
  if (!existsSync(path)) return;
  try {
    using db = new DatabaseSync(path, { timeout: 1_000 });
    // Leaving the write-ahead log needs the file for oneself; it also brings what the log holds into the file.
    db.exec("PRAGMA journal_mode = DELETE");
  } catch (thrown) {
    if (!DAMAGED.includes(resultCode(thrown) ?? -1)) throw inUse(thrown, path);
  }
  for (const log of [`${path}-wal`, `${path}-shm`]) await rm(log, { force: true });
}

function inUse(thrown: unknown, path: string): WhetstoneError {
  const what = `The store ${path} could not be replaced`;
  if (resultCode(thrown) !== 5) return sqliteError(thrown, { code: "store_open_failed", what });
  return new WhetstoneError("store_open_failed", `${what}: another process has it open.`, {
    remedy: "End what uses it (proxy, collect, serve), then restore again.",
    cause: thrown,
  });
}

/** Makes the rename durable, where the platform lets folders be opened. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  await using handle = await open(path, "r");
  await handle.sync();
}
