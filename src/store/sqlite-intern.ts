import type { DatabaseSync, StatementSync } from "node:sqlite";
import { internKey, type Interned } from "./intern.ts";
import type { SqlValue } from "./queries/sql.ts";

/** Refs of interned values; each is looked up once per process and inserted when it is new. */
export type Interner = {
  readonly operation: (service: string, name: string, kind: number) => bigint;
  readonly resource: (attributes: string) => bigint;
  readonly scope: (scope: string) => bigint;
  readonly errorType: (name: string) => bigint;
  /** Forgets refs that a rolled-back transaction may have given out. */
  readonly forget: () => void;
};

/** Values remembered per table; more than that and remembering starts anew, so hostile names cost time, not memory. */
const REMEMBERED = 10_000;

/** An {@link Interner} on a database; calls belong inside a write transaction. */
export function sqliteInterner(db: DatabaseSync): Interner {
  const operations = internTable(db, "operations", { columns: ["service", "name", "kind"] });
  const resources = internTable(db, "resources", { columns: ["attributes"] });
  const scopes = internTable(db, "scopes", { columns: ["scope"] });
  const errorTypes = internTable(db, "error_types", { columns: ["name"] });
  return {
    operation: (service, name, kind) => operations.ref([service, name, kind]),
    resource: (attributes) => resources.ref([attributes]),
    scope: (scope) => scopes.ref([scope]),
    errorType: (name) => errorTypes.ref([name]),
    forget: () => {
      for (const { refs } of [operations, resources, scopes, errorTypes]) refs.clear();
    },
  };
}

/** A table of interned values: its columns, of which the first `identifying` (all unless told) tell values apart. */
export type InternColumns = { readonly columns: readonly string[]; readonly identifying?: number };

/** Refs of one table, remembered like those of {@link sqliteInterner}. */
export function internTable(db: DatabaseSync, name: string, { columns, identifying }: InternColumns) {
  const refs = new Map<string, bigint>();
  const find = db.prepare(`SELECT ref FROM ${name} WHERE digest = ?`);
  const places = columns.map(() => "?").join(", ");
  const add = db.prepare(`INSERT INTO ${name} (digest, ${columns.join(", ")}) VALUES (?, ${places}) RETURNING ref`);
  for (const statement of [find, add]) statement.setReadBigInts(true);
  return { refs, ref: (values: Interned) => refOf(values, { refs, find, add, identifying }) };
}

type Table = {
  readonly refs: Map<string, bigint>;
  readonly find: StatementSync;
  readonly add: StatementSync;
  readonly identifying: number | undefined;
};

function refOf(values: Interned, { refs, find, add, identifying }: Table): bigint {
  const { text, digest } = internKey(identifying === undefined ? values : values.slice(0, identifying));
  const known = refs.get(text);
  if (known !== undefined) return known;
  const bytes = digest();
  const row = find.get(bytes) ?? add.get(bytes, ...(values as SqlValue[]));
  const ref = row?.["ref"] as bigint;
  if (refs.size >= REMEMBERED) refs.clear();
  refs.set(text, ref);
  return ref;
}
