import type pg from "pg";
import { COUNTED_COLUMNS, countRows, type CountedRow } from "./backfill.ts";
import { addRollups } from "./postgres-rollups.ts";

/** Spans per step: what is held in memory at once. */
const STEP = 20_000;

/** Counts the spans of a store from before there were rollups; belongs inside the migration's transaction. */
export async function backfillPostgres(client: pg.PoolClient): Promise<void> {
  await client.query(`DECLARE counted NO SCROLL CURSOR FOR SELECT ${COUNTED_COLUMNS} FROM whetstone.spans`);
  let rows: CountedRow<string>[];
  do {
    ({ rows } = await client.query<CountedRow<string>>(`FETCH ${STEP} FROM counted`));
    await addRollups(client, countRows(rows));
  } while (rows.length === STEP);
  await client.query("CLOSE counted");
}
