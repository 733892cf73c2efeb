import type { DatabaseSync } from "node:sqlite";
import { COUNTED_COLUMNS, countRows, type CountedRow } from "./backfill.ts";
import { sqliteInterner } from "./sqlite-intern.ts";
import { rollupWriter } from "./sqlite-rollups.ts";

/** Spans per step: what is held in memory at once. */
const STEP = 20_000;

/** Counts the spans of a store from before there were rollups; belongs inside the migration's transaction. */
export function backfillSqlite(db: DatabaseSync): void {
  const write = rollupWriter(db, sqliteInterner(db));
  const next = db.prepare(
    `SELECT rowid AS place, ${COUNTED_COLUMNS} FROM spans WHERE rowid > ? ORDER BY rowid LIMIT ${STEP}`,
  );
  next.setReadBigInts(true);
  let rows: (CountedRow<bigint> & { place: bigint })[];
  let last = 0n;
  do {
    rows = next.all(last) as typeof rows;
    write(countRows(rows));
    last = rows.at(-1)?.place ?? last;
  } while (rows.length === STEP);
}
