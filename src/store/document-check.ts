import { WhetstoneError } from "../model/error.ts";
import { INT64 } from "./cursor.ts";
import {
  DOCUMENT_BYTES,
  DOCUMENT_KINDS,
  type DocumentKind,
  type DocumentSummary,
  type DocumentVersion,
  type DocumentWrite,
} from "./document-port.ts";

/** Longest name of a document; characters (Unicode code points). */
const NAME_CHARACTERS = 200;

/**
 * Checks what is to be written; returns the version that it becomes.
 * @throws WhetstoneError `usage` naming what is out of bounds
 */
export function checkedDocument(write: DocumentWrite): DocumentVersion & { readonly bytes: number } {
  const { kind, name, body, nowNs, after } = write;
  checkName(kind, name);
  const bytes = Buffer.byteLength(body);
  if (bytes > DOCUMENT_BYTES) {
    throw refused(`The document ${name} has ${bytes} bytes.`, `A document has at most ${DOCUMENT_BYTES} bytes.`);
  }
  if (!body.isWellFormed()) throw refused(`The document ${name} is not Unicode text.`, "Write it as UTF-8 text.");
  if (!Number.isSafeInteger(after) || after < 0) {
    throw refused(`${after} is no version of a document.`, "Pass the version that was read, or 0 for a new document.");
  }
  if (nowNs <= INT64.min || nowNs >= INT64.max) {
    throw refused(`${nowNs} is no time that can be stored.`, "Pass ns since the Unix epoch.");
  }
  return { kind, name, version: after + 1, writtenNs: nowNs, body, bytes };
}

/** @throws WhetstoneError `usage` for a kind that there is not, or a name that no document can have */
export function checkName(kind: DocumentKind, name: string): void {
  if (!DOCUMENT_KINDS.includes(kind)) {
    throw refused(`There are no documents of kind ${String(kind)}.`, `Kinds are ${DOCUMENT_KINDS.join(", ")}.`);
  }
  const characters = Array.from(name).length;
  if (characters >= 1 && characters <= NAME_CHARACTERS && name.isWellFormed() && !/\p{Cc}/u.test(name)) return;
  throw refused(
    `${JSON.stringify(name.slice(0, NAME_CHARACTERS))} is no name of a document.`,
    `A name has 1 to ${NAME_CHARACTERS} characters and no control character.`,
  );
}

/** @throws WhetstoneError `usage` unless `limit` is a whole number from 1 to 1,000 and `after` could be a name */
export function checkDocumentPage(kind: DocumentKind, { limit, after }: { limit: number; after?: string }): void {
  checkName(kind, after ?? "-");
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1_000) return;
  throw refused(
    `A page of ${limit} documents cannot be asked for.`,
    "Ask for 1 to 1,000 documents and pass the last name of the page as after for more.",
  );
}

/** Whether a document can have this version. */
export const isVersion = (version: number): boolean => Number.isSafeInteger(version) && version >= 1;

/** The error for a write that follows a version which is not the newest. */
export function conflict({ kind, name, after }: DocumentWrite, newest: number): WhetstoneError {
  const what = newest === 0 ? "it does not exist" : `its newest version is ${newest}`;
  return new WhetstoneError("conflict", `The ${kind} ${name} was to follow version ${after}, but ${what}.`, {
    remedy: "Read it again, make the change on what is there, and write after that version.",
    data: { kind, name, after, newest },
  });
}

/** A version without its body. */
export function summaryOfDocument({ body, ...rest }: DocumentVersion): DocumentSummary {
  return { ...rest, bytes: Buffer.byteLength(body) };
}

const refused = (message: string, remedy: string): WhetstoneError => new WhetstoneError("usage", message, { remedy });
