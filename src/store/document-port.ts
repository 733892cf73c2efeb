/** What a store keeps as versioned text beside telemetry. */
export const DOCUMENT_KINDS = ["spec", "development_session"] as const;
export type DocumentKind = (typeof DOCUMENT_KINDS)[number];

/** One version of a document. Versions of a name count from 1 without gaps; none is ever changed. */
export type DocumentVersion = {
  readonly kind: DocumentKind;
  readonly name: string;
  readonly version: number;
  /** When it was written, ns since the Unix epoch. */
  readonly writtenNs: bigint;
  /** UTF-8 text of at most {@link DOCUMENT_BYTES}; what it means is the matter of who wrote it. */
  readonly body: string;
};

/** Largest body of a document; bytes of UTF-8. */
export const DOCUMENT_BYTES = 1_048_576;

export type DocumentWrite = {
  readonly kind: DocumentKind;
  /** 1 to 200 characters. */
  readonly name: string;
  readonly body: string;
  readonly nowNs: bigint;
  /** Version that this one follows, 0 for a new document: of two writers that read the same version one wins. */
  readonly after: number;
};

/** Newest version of a document without its body. */
export type DocumentSummary = Omit<DocumentVersion, "body"> & { readonly bytes: number };

/**
 * Versioned documents in the same database as the spans, shared by all processes.
 * Errors: `usage` for a name or body out of bounds, `conflict` when `after` is not the newest version,
 * `store_read_failed`, `store_write_failed`.
 */
export type DocumentStore = {
  /** Writes the next version. */
  readonly put: (write: DocumentWrite) => Promise<DocumentVersion>;
  /** One version, the newest unless told; undefined when there is none. */
  readonly get: (kind: DocumentKind, name: string, version?: number) => Promise<DocumentVersion | undefined>;
  /** Newest versions by name; `after` is the last name of the page before, `limit` 1 to 1,000. */
  readonly list: (
    kind: DocumentKind,
    page: { limit: number; after?: string },
  ) => Promise<{ documents: readonly DocumentSummary[]; total: number }>;
  /** All versions of a name, newest first, without bodies. */
  readonly history: (kind: DocumentKind, name: string) => Promise<readonly DocumentSummary[]>;
};
