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
  const operations = table(db, "operations", ["service", "name", "kind"]);
  const resources = table(db, "resources", ["attributes"]);
  const scopes = table(db, "scopes", ["scope"]);
  const errorTypes = table(db, "error_types", ["name"]);
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

function table(db: DatabaseSync, name: string, columns: readonly string[]) {
  const refs = new Map<string, bigint>();
  const find = db.prepare(`SELECT ref FROM ${name} WHERE digest = ?`);
  const places = columns.map(() => "?").join(", ");
  const add = db.prepare(`INSERT INTO ${name} (digest, ${columns.join(", ")}) VALUES (?, ${places}) RETURNING ref`);
  for (const statement of [find, add]) statement.setReadBigInts(true);
  return { refs, ref: (values: Interned) => refOf(values, { refs, find, add }) };
}

type Table = { readonly refs: Map<string, bigint>; readonly find: StatementSync; readonly add: StatementSync };

function refOf(values: Interned, { refs, find, add }: Table): bigint {
  const { text, digest } = internKey(values);
  const known = refs.get(text);
  if (known !== undefined) return known;
  const bytes = digest();
  const row = find.get(bytes) ?? add.get(bytes, ...(values as SqlValue[]));
  const ref = row?.["ref"] as bigint;
  if (refs.size >= REMEMBERED) refs.clear();
  refs.set(text, ref);
  return ref;
}
