import { createHash, randomUUID } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { checkIntegrity } from "./sqlite-check.ts";
import { openAsItIs } from "./sqlite-open.ts";

/** A backup: a SQLite file that stands by itself, and beside it `<file>.sha256` as sha256sum writes and checks it. */
export type Backup = { readonly bytes: number; readonly sha256: string; readonly traces: number };

export type BackupOptions = {
  /** The store. */
  readonly path: string;
  /** The file to write. */
  readonly file: string;
  /** Replaces an older backup. */
  readonly force?: boolean;
  readonly onProgress?: (pages: { readonly done: number; readonly total: number }) => void;
};

/** Pages per step of the copy. */
const RATE = 4_096;

/** The file that holds a backup's checksum. */
export const checksumFile = (file: string): string => `${file}.sha256`;

/**
 * Copies a store while others use it: what it holds at one moment. The copy is checked as a whole before it gets its
 * name.
 * @throws WhetstoneError `usage` when the file is there, `store_open_failed`, `store_read_failed` when the store is
 * damaged, `write_failed`; nothing half-written is left
 */
export async function backupSqlite({ path, file, force = false, onProgress }: BackupOptions): Promise<Backup> {
  if (!force && existsSync(file)) {
    throw new WhetstoneError("usage", `There is a file ${file} already.`, {
      remedy: "Name another one, or replace it with --force.",
    });
  }
  const draft = join(dirname(file), `.${basename(file)}.${randomUUID()}.tmp`);
  try {
    await mkdir(dirname(file), { recursive: true });
    await copy(path, draft, onProgress);
    const { traces } = checkIntegrity(draft);
    const { sha256, bytes } = await digestOf(draft);
    // The old checksum goes first: a file without one is refused, a file with a wrong one would look damaged.
    await rm(checksumFile(file), { force: true });
    await syncFile(draft);
    await writeFile(checksumFile(draft), `${sha256}  ${basename(file)}\n`, { flush: true });
    await rename(draft, file);
    await rename(checksumFile(draft), checksumFile(file));
    return { bytes, sha256, traces };
  } catch (cause) {
    const drafts = [draft, checksumFile(draft), `${draft}-journal`, `${draft}-wal`, `${draft}-shm`];
    for (const name of drafts) await removeQuietly(name);
    if (cause instanceof WhetstoneError) throw cause;
    throw new WhetstoneError("write_failed", `The backup ${file} could not be written: ${messageOf(cause)}.`, {
      remedy: "Check that the folder exists, may be written to and has as much space left as the store takes.",
      cause,
    });
  }
}

/** While tidying up: the first error tells more than one that follows from it. */
export const removeQuietly = (file: string): Promise<void> => rm(file, { force: true }).catch(() => undefined);

async function copy(path: string, draft: string, onProgress: BackupOptions["onProgress"]): Promise<void> {
  using db = openAsItIs(path);
  // One snapshot for all steps: without it the copy begins anew whenever somebody writes, and may never end.
  db.exec("BEGIN");
  db.prepare("SELECT count(*) FROM sqlite_schema").get();
  await backup(db, draft, {
    rate: RATE,
    progress: ({ totalPages, remainingPages }) =>
      onProgress?.({ done: totalPages - remainingPages, total: totalPages }),
  });
  using copied = new DatabaseSync(draft);
  // No log beside it: the file stands by itself.
  copied.exec("PRAGMA journal_mode = DELETE");
}

/** SHA-256 and size of a file. */
export async function digestOf(file: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(file)) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { sha256: hash.digest("hex"), bytes };
}

/** Makes what is written durable. */
export async function syncFile(file: string): Promise<void> {
  await using handle = await open(file, "r+");
  await handle.sync();
}
