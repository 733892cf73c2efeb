import type pg from "pg";
import { internKey, type Interned } from "./intern.ts";

/** A table of values that are stored once: its name, and its columns with their types. */
export type InternTable = {
  readonly name: string;
  readonly columns: readonly (readonly [string, string])[];
  /** How many of the first columns tell values apart; all unless told. */
  readonly identifying?: number;
};

export const OPERATIONS: InternTable = {
  name: "whetstone.operations",
  columns: [
    ["service", "text"],
    ["name", "text"],
    ["kind", "smallint"],
  ],
};
export const RESOURCES: InternTable = { name: "whetstone.resources", columns: [["attributes", "text"]] };
export const SCOPES: InternTable = { name: "whetstone.scopes", columns: [["scope", "text"]] };
export const ERROR_TYPES: InternTable = { name: "whetstone.error_types", columns: [["name", "text"]] };

/** Refs of `values`, by the text of {@link internKey} over what identifies them; new values are inserted. */
export async function internAll(
  client: pg.PoolClient,
  table: InternTable,
  values: readonly Interned[],
): Promise<ReadonlyMap<string, string>> {
  const keyOf = (value: Interned) => internKey(value.slice(0, table.identifying));
  const byText = new Map(values.map((value) => [keyOf(value).text, value]));
  // Every writer inserts in the same order, so that two of them cannot wait for each other.
  const sorted = [...byText].sort(([a], [b]) => (a < b ? -1 : 1));
  const digests = sorted.map(([, value]) => keyOf(value).digest());
  await client.query(insertSql(table), [
    digests,
    ...table.columns.map((_, at) => sorted.map(([, value]) => value[at])),
  ]);
  const found = await client.query(`SELECT digest, ref FROM ${table.name} WHERE digest = ANY($1)`, [digests]);
  const refs = new Map(found.rows.map((row: { digest: Buffer; ref: string }) => [row.digest.toString("hex"), row.ref]));
  return new Map(
    sorted.map(([text], at) => [text, refs.get(Buffer.from(digests[at] ?? []).toString("hex")) ?? ""] as const),
  );
}

function insertSql({ name, columns }: InternTable): string {
  const arrays = ["$1::bytea[]", ...columns.map(([, type], at) => `$${at + 2}::${type}[]`)].join(", ");
  const names = ["digest", ...columns.map(([column]) => column)].join(", ");
  // Only what is missing reaches the insert: a conflict would use up an identity value each time.
  return `INSERT INTO ${name} (${names}) SELECT u.* FROM unnest(${arrays}) AS u (${names})
    WHERE NOT EXISTS (SELECT 1 FROM ${name} k WHERE k.digest = u.digest) ON CONFLICT DO NOTHING`;
}
