import { checkDocumentPage, checkedDocument, checkName, conflict } from "./document-check.ts";
import type { DocumentStore } from "./document-port.ts";
import { SNAPSHOT, type PostgresAccess } from "./postgres-attempt.ts";
import { inTransaction, selectAll } from "./postgres-transaction.ts";
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
import { POSTGRES } from "./queries/sql.ts";

/** The documents of a PostgreSQL store. */
export function postgresDocuments({ pool, read, transact }: PostgresAccess): DocumentStore {
  return {
    put: async (asked) => {
      const { bytes, ...version } = checkedDocument(asked);
      return transact(async (client) => {
        const newest = async () => {
          const [row] = await selectAll<{ newest: string }>(client, newestQuery(asked.kind, asked.name, POSTGRES));
          return Number(row?.newest);
        };
        const before = await newest();
        if (before !== asked.after) throw conflict(asked, before);
        const params = [...documentColumns({ ...version, bytes })];
        // Waits for a writer that follows the same version; where that one wins, nothing is inserted.
        const { rowCount } = await client.query(`${insertDocument(POSTGRES)} ON CONFLICT DO NOTHING`, params);
        if (rowCount === 0) throw conflict(asked, await newest());
        return version;
      });
    },
    get: async (kind, name, version) => {
      checkName(kind, name);
      const rows = await read(() =>
        selectAll<SelectedDocument>(pool, documentQuery({ kind, name, version }, POSTGRES)),
      );
      return rows.map(documentFromRow)[0];
    },
    list: async (kind, page) => {
      checkDocumentPage(kind, page);
      return read(() =>
        inTransaction(pool, SNAPSHOT, async (client) => {
          const rows = await selectAll<SelectedSummary>(client, documentPageQuery(kind, page, POSTGRES));
          const [count] = await selectAll<{ total: string }>(client, documentCountQuery(kind, POSTGRES));
          return { documents: rows.map(summaryFromRow), total: Number(count?.total) };
        }),
      );
    },
    history: async (kind, name) => {
      checkName(kind, name);
      return (await read(() => selectAll<SelectedSummary>(pool, historyQuery(kind, name, POSTGRES)))).map(
        summaryFromRow,
      );
    },
  };
}
