import { isVersion } from "../document-check.ts";
import type { DocumentKind, DocumentSummary, DocumentVersion } from "../document-port.ts";
import { decodeText, encodeText } from "../text.ts";
import type { Dialect, Query, SqlValue } from "./sql.ts";

/** A version as the queries return it: integers as the driver gives them. */
export type SelectedSummary = {
  readonly kind: string;
  readonly name: string;
  readonly version: bigint | string;
  readonly written_ns: bigint | string;
  readonly bytes: bigint | string;
};
export type SelectedDocument = SelectedSummary & { readonly body: string };

const SUMMARY = "d.kind, d.name, d.version, d.written_ns, d.bytes";

/** Which version is asked for; the newest without a number. */
type DocumentKey = { readonly kind: DocumentKind; readonly name: string; readonly version: number | undefined };

/** One version, the newest unless told, as {@link SelectedDocument}. */
export function documentQuery({ kind, name, version }: DocumentKey, { schema }: Dialect): Query {
  const which = version === undefined ? "ORDER BY d.version DESC LIMIT 1" : "AND d.version = $3";
  const params = [kind, name, ...(version === undefined ? [] : [version])];
  return {
    sql: `SELECT ${SUMMARY}, d.body FROM ${schema}documents d WHERE d.kind = $1 AND d.name = $2 ${which}`,
    // No document has it; PostgreSQL would refuse a fraction.
    params: version === undefined || isVersion(version) ? params : [kind, name, 0],
  };
}

/** Newest version of a name as `newest`, 0 where there is none. */
export function newestQuery(kind: DocumentKind, name: string, { schema }: Dialect): Query {
  const sql = `SELECT coalesce(max(version), 0) AS newest FROM ${schema}documents WHERE kind = $1 AND name = $2`;
  return { sql, params: [kind, name] };
}

/** Newest versions by name as {@link SelectedSummary}; versions have no gaps, so each name has a first one. */
export function documentPageQuery(
  kind: DocumentKind,
  { limit, after }: { limit: number; after?: string },
  { schema }: Dialect,
): Query {
  const rest = after === undefined ? "" : "AND f.name > $3";
  const names = `SELECT f.name FROM ${schema}documents f WHERE f.kind = $1 AND f.version = 1 ${rest} ORDER BY f.name LIMIT $2`;
  const newest = `SELECT max(m.version) FROM ${schema}documents m WHERE m.kind = $1 AND m.name = n.name`;
  const sql = `SELECT ${SUMMARY} FROM (${names}) n JOIN ${schema}documents d
    ON d.kind = $1 AND d.name = n.name AND d.version = (${newest}) ORDER BY d.name`;
  return { sql, params: [kind, limit, ...(after === undefined ? [] : [after])] };
}

/** Names of a kind as `total`. */
export function documentCountQuery(kind: DocumentKind, { schema }: Dialect): Query {
  const sql = `SELECT count(*) AS total FROM ${schema}documents WHERE kind = $1 AND version = 1`;
  return { sql, params: [kind] };
}

/** All versions of a name, newest first, as {@link SelectedSummary}. */
export function historyQuery(kind: DocumentKind, name: string, { schema }: Dialect): Query {
  const where = "d.kind = $1 AND d.name = $2 ORDER BY d.version DESC";
  return { sql: `SELECT ${SUMMARY} FROM ${schema}documents d WHERE ${where}`, params: [kind, name] };
}

/** Inserts a version; its parameters are {@link documentColumns}. */
export const insertDocument = ({ schema }: Dialect): string =>
  `INSERT INTO ${schema}documents (kind, name, version, written_ns, bytes, body) VALUES ($1, $2, $3, $4, $5, $6)`;

/** Columns of a version. */
export function documentColumns(document: DocumentVersion & { readonly bytes: number }): readonly SqlValue[] {
  const { kind, name, version, writtenNs, bytes, body } = document;
  return [kind, name, version, writtenNs, bytes, encodeText(body)];
}

/** The summary that a row holds. */
export function summaryFromRow(row: SelectedSummary): DocumentSummary {
  return {
    kind: row.kind as DocumentKind,
    name: row.name,
    version: Number(row.version),
    writtenNs: BigInt(row.written_ns),
    bytes: Number(row.bytes),
  };
}

/** The version that a row holds. */
export function documentFromRow(row: SelectedDocument): DocumentVersion {
  const { bytes: _, ...rest } = summaryFromRow(row);
  return { ...rest, body: decodeText(row.body) };
}
