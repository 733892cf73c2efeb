import type pg from "pg";
import { sketchCount } from "../stats/sketch.ts";
import { ERROR_TYPES, internAll } from "./postgres-intern.ts";
import type { RollupDelta } from "./rollup.ts";
import { addEncodedSketch, encodeSketch } from "./sketch-bytes.ts";
import { encodeText } from "./text.ts";

const KEY = ["width", "slot", "operation_ref", "status", "error_ref"] as const;
const KEY_ARRAYS = "$1::integer[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[]";
const IS_KEY = KEY.map((column) => `r.${column} = u.${column}`).join(" AND ");

/** A delta with its key as the driver writes and returns it. */
type Keyed = { readonly key: readonly [number, string, string, number, string]; readonly sketch: Map<number, number> };

/**
 * Adds deltas to the rollups inside the transaction of `client`. Rows are made and locked in the order of their keys, so
 * that two writers cannot wait for each other.
 */
export async function addRollups(client: pg.PoolClient, deltas: readonly RollupDelta<string>[]): Promise<void> {
  if (deltas.length === 0) return;
  const keyed = (await keysOf(client, deltas)).toSorted(byKey);
  const keys = KEY.map((_, at) => keyed.map(({ key }) => key[at]));
  const insert = `INSERT INTO whetstone.rollups (${KEY.join(", ")}, spans, sketch)
    SELECT u.*, 0, $6 FROM unnest(${KEY_ARRAYS}) AS u ON CONFLICT DO NOTHING`;
  const from = `FROM whetstone.rollups r JOIN unnest(${KEY_ARRAYS}) AS u (${KEY.join(", ")}) ON ${IS_KEY}`;
  const order = KEY.map((column) => `r.${column}`).join(", ");
  const lock = `SELECT 1 ${from} ORDER BY ${order} FOR UPDATE OF r`;
  // Once more for rows that retention removed between the two statements; what is locked stays.
  do await client.query(insert, [...keys, encodeSketch(new Map())]);
  while ((await client.query(lock, keys)).rowCount !== keyed.length);
  // Read by a statement of its own, whose snapshot has what the writers waited for have written.
  const { rows } = await client.query<{ sketch: Buffer }>(`SELECT r.sketch ${from} ORDER BY ${order}`, keys);
  for (const [at, { sketch }] of keyed.entries()) {
    addEncodedSketch(sketch, rows[at]?.sketch ?? new Uint8Array());
  }
  await client.query(
    `UPDATE whetstone.rollups r SET spans = u.spans, sketch = u.sketch
     FROM unnest(${KEY_ARRAYS}, $6::bigint[], $7::bytea[]) AS u (${KEY.join(", ")}, spans, sketch) WHERE ${IS_KEY}`,
    [...keys, keyed.map(({ sketch }) => sketchCount(sketch)), keyed.map(({ sketch }) => encodeSketch(sketch))],
  );
}

async function keysOf(client: pg.PoolClient, deltas: readonly RollupDelta<string>[]): Promise<readonly Keyed[]> {
  const types = new Set(deltas.map(({ errorType }) => errorType).filter((type) => type !== undefined));
  const refs =
    types.size === 0
      ? new Map<string, string>()
      : await internAll(
          client,
          ERROR_TYPES,
          [...types].map((type) => [encodeText(type)]),
        );
  return deltas.map(({ width, operation, slot, status, errorType, sketch }) => {
    const error = errorType === undefined ? "0" : (refs.get(encodeText(errorType)) ?? "");
    return { key: [width, String(slot), operation, status, error], sketch };
  });
}

/** Order of the primary key, as the database sorts it. */
function byKey({ key: a }: Keyed, { key: b }: Keyed): number {
  for (const at of KEY.keys()) {
    const [left, right] = [BigInt(a[at] ?? 0), BigInt(b[at] ?? 0)];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
