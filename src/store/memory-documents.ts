import { checkDocumentPage, checkedDocument, checkName, conflict, summaryOfDocument } from "./document-check.ts";
import type { DocumentKind, DocumentStore, DocumentVersion } from "./document-port.ts";

/** Memory twin of {@link DocumentStore}. */
export function memoryDocuments(): DocumentStore {
  const names = new Map<DocumentKind, Map<string, DocumentVersion[]>>();
  const of = (kind: DocumentKind): ReadonlyMap<string, DocumentVersion[]> => names.get(kind) ?? new Map();
  return {
    put: async (write) => {
      const { bytes: _, ...version } = checkedDocument(write);
      const known = of(write.kind).get(write.name) ?? [];
      if (known.length !== write.after) throw conflict(write, known.length);
      names.set(write.kind, new Map(of(write.kind)).set(write.name, [...known, version]));
      return version;
    },
    get: async (kind, name, version) => {
      checkName(kind, name);
      const known = of(kind).get(name) ?? [];
      return known[(version ?? known.length) - 1];
    },
    list: async (kind, page) => {
      checkDocumentPage(kind, page);
      const all = [...of(kind)].sort(([a], [b]) => byCodePoint(a, b));
      const rest = all.filter(([name]) => page.after === undefined || byCodePoint(name, page.after) > 0);
      const shown = rest.slice(0, page.limit).flatMap(([, versions]) => versions.slice(-1));
      return { documents: shown.map(summaryOfDocument), total: all.length };
    },
    history: async (kind, name) => {
      checkName(kind, name);
      return (of(kind).get(name) ?? []).toReversed().map(summaryOfDocument);
    },
  };
}

/** The order of the other stores: UTF-8 sorts as its code points do, UTF-16 does not. */
const byCodePoint = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
