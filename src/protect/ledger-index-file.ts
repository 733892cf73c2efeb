import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { messageOf, WhetstoneError } from "../model/error.ts";
import { LEDGER_GENESIS, type LedgerRecord } from "../model/ledger.ts";
import type { ChainTip } from "./ledger-chain.ts";
import { microsOf } from "./ledger-query.ts";

/** Changes whenever the tables do: an index of another version is made anew. */
const VERSION = 1;
const TABLES = `
  CREATE TABLE IF NOT EXISTS word (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS entry (
    seq INTEGER PRIMARY KEY, micros INTEGER NOT NULL, kind INTEGER NOT NULL, actor INTEGER NOT NULL,
    operation INTEGER NOT NULL, target INTEGER NOT NULL, decision INTEGER NOT NULL, reason INTEGER NOT NULL,
    segment INTEGER NOT NULL, line INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS tip (seq INTEGER NOT NULL, digest TEXT NOT NULL, segment TEXT NOT NULL);
`;
/** Words whose ids are remembered while records are added. */
const REMEMBERED = 50_000;

/** How far an index has come: its last record, and the file that holds it. */
export type IndexTip = ChainTip & { readonly segment: string };

/** Another process may be making the same index. */
const BUSY_TIMEOUT_MS = 120_000;

/**
 * Opens the file, or memory without a path. A file that is damaged or of another version is removed: everything in it
 * can be made again from the records.
 * @throws WhetstoneError `store_open_failed` when the file cannot be made.
 */
export async function openIndexFile(path: string | undefined): Promise<DatabaseSync> {
  if (path === undefined) return prepared(":memory:");
  try {
    await mkdir(dirname(path), { recursive: true });
    return prepared(path);
  } catch {
    // Whatever is wrong with it, nothing is lost with it; what a new file cannot mend is said below.
    return await openAnew(path);
  }
}

/** The same, without what is there. */
export async function openAnew(path: string): Promise<DatabaseSync> {
  try {
    for (const suffix of ["", "-journal", "-wal", "-shm"]) await rm(`${path}${suffix}`, { force: true });
    return prepared(path);
  } catch (cause) {
    throw new WhetstoneError("store_open_failed", `The index ${path} could not be made: ${messageOf(cause)}`, {
      remedy: "Check that the folder can be written.",
      cause,
      data: { path },
    });
  }
}

function prepared(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    const version = db.prepare("PRAGMA user_version").get()?.["user_version"];
    if (version !== 0 && version !== VERSION) throw new Error(`its version is ${String(version)}`);
    db.exec(`${TABLES} PRAGMA user_version = ${VERSION};`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** The tip of what is indexed; the start of the chain when nothing is. */
export function indexTip(db: DatabaseSync): IndexTip {
  const row = db.prepare("SELECT seq, digest, segment FROM tip").get();
  if (row === undefined) return { seq: 0, digest: LEDGER_GENESIS, segment: "" };
  return { seq: Number(row["seq"]), digest: String(row["digest"]), segment: String(row["segment"]) };
}

/** Removes everything; within a transaction. */
export function clearIndex(db: DatabaseSync): void {
  db.exec("DELETE FROM entry; DELETE FROM word; DELETE FROM tip;");
}

/** Sets the tip; within a transaction. */
export function setIndexTip(db: DatabaseSync, { seq, digest, segment }: IndexTip): void {
  db.exec("DELETE FROM tip");
  db.prepare("INSERT INTO tip (seq, digest, segment) VALUES (?, ?, ?)").run(seq, digest, segment);
}

/** Adds records; within a transaction. */
export type IndexWriter = (record: LedgerRecord, place: { readonly segment: string; readonly line: number }) => void;

/** A writer of records into an index. */
export function indexWriter(db: DatabaseSync): IndexWriter {
  const insert = db.prepare("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  const word = words(db);
  return (record, { segment, line }) => {
    const { actor, operation, target, decision, reasonCode } = record;
    const named = [actor.type, actor.id, operation, target, decision, reasonCode, segment].map(word);
    insert.run(record.seq, microsOf(record), ...named, line);
  };
}

/** Ids of words, given on demand. */
function words(db: DatabaseSync): (text: string) => number {
  const find = db.prepare("SELECT id FROM word WHERE text = ?");
  const add = db.prepare("INSERT INTO word (text) VALUES (?)");
  const known = new Map<string, number>();
  return (text) => {
    const id = known.get(text) ?? wordId(find, text) ?? Number(add.run(text).lastInsertRowid);
    if (known.size >= REMEMBERED) known.clear();
    known.set(text, id);
    return id;
  };
}

/** The id of a word that a statement finds; undefined when no record has it. */
export function wordId(find: StatementSync, text: string): number | undefined {
  const id = find.get(text)?.["id"];
  return id === undefined ? undefined : Number(id);
}
