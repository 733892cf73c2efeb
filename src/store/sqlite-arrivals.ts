import type { DatabaseSync } from "node:sqlite";
import { type ArrivalPlace, decodeArrival, encodeArrival } from "./arrival-cursor.ts";
import { checkLimit } from "./cursor.ts";
import type { ArrivalPage } from "./port.ts";
import {
  arrivalsOf,
  keyOfRow,
  type SelectedArrival,
  sqliteArrivalsQuery,
  sqlitePlaceQuery,
} from "./queries/arrivals.ts";
import { inTransaction, selectAll } from "./sqlite-query.ts";

/** The spans after a cursor, from one snapshot. */
export function arrivalsOfSqlite(db: DatabaseSync, page: { limit: number; cursor?: string }): ArrivalPage {
  checkLimit(page.limit);
  const place = page.cursor === undefined ? undefined : decodeArrival(page.cursor, "sqlite");
  return inTransaction(db, "BEGIN", () => {
    const rows = selectAll(db, sqlitePlaceQuery(place ?? { number: 0n })) as SelectedArrival[];
    const newest = rows.reduce((last, row) => (BigInt(row.arrived) > last.number ? placeOf(row) : last), START);
    if (place === undefined) return { arrivals: [], cursor: encodeArrival(newest), isGap: false };
    if (isGone(place, rows, newest)) return { arrivals: [], cursor: encodeArrival(newest), isGap: true };
    const found = selectAll(db, sqliteArrivalsQuery(place, page.limit)) as SelectedArrival[];
    const arrivals = arrivalsOf(found, "sqlite");
    return { arrivals, cursor: arrivals.at(-1)?.cursor ?? encodeArrival(place), isGap: false };
  });
}

const START: ArrivalPlace = { of: "sqlite", number: 0n, key: "" };

const placeOf = (row: SelectedArrival): ArrivalPlace => ({
  of: "sqlite",
  number: BigInt(row.arrived),
  key: keyOfRow(row),
});

/**
 * SQLite numbers on from the newest row that there is: when the newest are removed, their numbers are given again. Then
 * the row of a place is another one, or lies beyond the newest.
 */
function isGone(place: ArrivalPlace, rows: readonly SelectedArrival[], newest: ArrivalPlace): boolean {
  if (place.number > newest.number) return true;
  const row = rows.find((one) => BigInt(one.arrived) === place.number);
  return row !== undefined && keyOfRow(row) !== place.key;
}
