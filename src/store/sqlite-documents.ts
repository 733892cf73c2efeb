import { checkDocumentPage, checkedDocument, checkName, conflict } from "./document-check.ts";
import type { DocumentStore, DocumentVersion, DocumentWrite } from "./document-port.ts";
import {
  documentColumns,
  documentCountQuery,
  documentFromRow,
  documentPageQuery,
  documentQuery,
  historyQuery,
  insertDocument,
  newestQuery,
  summaryFromRow,
  type SelectedDocument,
  type SelectedSummary,
} from "./queries/documents.ts";
import { SQLITE } from "./queries/sql.ts";
import type { SqliteAccess } from "./sqlite-attempt.ts";
import { inTransaction, named, selectAll } from "./sqlite-query.ts";

/** The documents of a SQLite store. */
export function sqliteDocuments({ db, read, write }: SqliteAccess): DocumentStore {
  return {
    put: async (asked) => {
      const document = checkedDocument(asked);
      return write(() => inTransaction(db, "BEGIN IMMEDIATE", () => put(db, asked, document)));
    },
    get: async (kind, name, version) => {
      checkName(kind, name);
      const rows = await read(() => selectAll(db, documentQuery({ kind, name, version }, SQLITE)));
      return (rows as SelectedDocument[]).map(documentFromRow)[0];
    },
    list: async (kind, page) => {
      checkDocumentPage(kind, page);
      return read(() =>
        inTransaction(db, "BEGIN", () => ({
          documents: (selectAll(db, documentPageQuery(kind, page, SQLITE)) as SelectedSummary[]).map(summaryFromRow),
          total: Number(selectAll(db, documentCountQuery(kind, SQLITE))[0]?.["total"]),
        })),
      );
    },
    history: async (kind, name) => {
      checkName(kind, name);
      const rows = await read(() => selectAll(db, historyQuery(kind, name, SQLITE)));
      return (rows as SelectedSummary[]).map(summaryFromRow);
    },
  };
}

function put(
  db: SqliteAccess["db"],
  asked: DocumentWrite,
  { bytes, ...version }: ReturnType<typeof checkedDocument>,
): DocumentVersion {
  const newest = Number(selectAll(db, newestQuery(asked.kind, asked.name, SQLITE))[0]?.["newest"]);
  if (newest !== asked.after) throw conflict(asked, newest);
  db.prepare(insertDocument(SQLITE)).run(named(documentColumns({ ...version, bytes })));
  return version;
}
