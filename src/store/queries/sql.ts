/** A value that both drivers bind. */
export type SqlValue = string | number | bigint | Uint8Array | null;

/** A statement whose parameters are written `$1`, `$2`, … in both dialects. */
export type Query = { readonly sql: string; readonly params: readonly SqlValue[] };

/** Where SQLite and PostgreSQL differ in the read queries. */
export type Dialect = {
  /** Prefix of every table name: empty, or the schema with its dot. */
  readonly schema: string;
  /** The column `operation_ref` of `spans s`; written `+s.operation_ref` its index is not used. */
  readonly operation: string;
  /** The column `start_ns` of `spans s`, likewise. */
  readonly start: string;
  /** JSON text of a member of a JSON object column; `key` is a placeholder bound to {@link Dialect.memberKey}. */
  readonly member: (column: string, key: string) => string;
  readonly memberKey: (key: string) => string;
  /** Whether a text column holds a lower-case text, ASCII letters in either case. */
  readonly contains: (column: string, text: string) => string;
};

/** node:sqlite: members are addressed by a JSON path with a quoted label. */
export const SQLITE: Dialect = {
  schema: "",
  operation: "s.operation_ref",
  start: "s.start_ns",
  member: (column, key) => `(${column} -> ${key})`,
  memberKey: (key) => `$.${JSON.stringify(key)}`,
  contains: (column, text) => `instr(lower(${column}), ${text}) > 0`,
};

/** PostgreSQL: `->` on json (not jsonb) keeps the text of the value as it was written. */
export const POSTGRES: Dialect = {
  schema: "whetstone.",
  operation: "s.operation_ref",
  start: "s.start_ns",
  member: (column, key) => `((${column}::json -> ${key}::text)::text)`,
  memberKey: (key) => key,
  contains: (column, text) => `position(${text}::text in lower(${column} COLLATE "C")) > 0`,
};

/** Collects parameters while SQL text is put together. */
export type Binder = { readonly bind: (value: SqlValue) => string; readonly params: SqlValue[] };

/** An empty {@link Binder}; `bind` returns the placeholder of the value. */
export function binder(): Binder {
  const params: SqlValue[] = [];
  return { params, bind: (value) => `$${params.push(value)}` };
}

/** ` WHERE a AND b`, or nothing without conditions. */
export function whereClause(conditions: readonly string[]): string {
  return conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
}
