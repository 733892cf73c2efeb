import { createHash } from "node:crypto";

/** Columns of a value that is stored once and referred to. */
export type Interned = readonly (string | number)[];

/** What an interned value is known by: in memory by its text, in the store by the SHA-256 of that text. */
export function internKey(values: Interned): { readonly text: string; readonly digest: () => Uint8Array } {
  // NUL cannot occur in encoded text, so no two lists share a key.
  const text = values.length === 1 ? String(values[0]) : values.join("\0");
  return { text, digest: () => createHash("sha256").update(text).digest() };
}
