import type pg from "pg";
import { decodeArrival, encodeArrival } from "./arrival-cursor.ts";
import { checkLimit } from "./cursor.ts";
import type { ArrivalPage } from "./port.ts";
import { selectAll } from "./postgres-transaction.ts";
import { arrivalsOf, postgresArrivalsQuery, type SelectedArrival, SETTLED } from "./queries/arrivals.ts";

/** The spans after a cursor. */
export async function arrivalsOfPostgres(
  pool: pg.Pool,
  page: { limit: number; cursor?: string },
): Promise<ArrivalPage> {
  checkLimit(page.limit);
  const place = page.cursor === undefined ? undefined : decodeArrival(page.cursor, "postgres");
  const [moment] = await selectAll<{ settled: string }>(pool, { sql: `SELECT ${SETTLED} AS settled`, params: [] });
  const present = encodeArrival({ of: "postgres", number: BigInt(moment?.settled ?? 0), key: "" });
  if (place === undefined) return { arrivals: [], cursor: present, isGap: false };
  // Transactions count upwards for ever: a later one is of another server, or of one that was set up anew.
  if (place.number > BigInt(moment?.settled ?? 0)) return { arrivals: [], cursor: present, isGap: true };
  const rows = await selectAll<SelectedArrival>(pool, postgresArrivalsQuery(place, page.limit));
  const arrivals = arrivalsOf(rows, "postgres");
  return { arrivals, cursor: arrivals.at(-1)?.cursor ?? encodeArrival(place), isGap: false };
}
