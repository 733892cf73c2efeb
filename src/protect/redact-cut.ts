import type { Json } from "../model/json.ts";

/** A value, whole or cut. */
export type Cut = { readonly value: Json; readonly truncatedBytes: number };

/** Bytes of a text in UTF-8. */
const utf8Bytes = (text: string): number => Buffer.byteLength(text, "utf8");

/** Bytes of a value as JSON, of a string as it is. */
export function jsonBytes(value: unknown): number {
  return utf8Bytes(asText(value));
}

const asText = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? "null"));

/**
 * A value of at most `maxBytes`, note included. What fits stays as it is; of the rest the first characters are kept as
 * text, whole ones, with a note that says how much there was. `whole`: bytes of the value before a part of it was left
 * out already, when that is so.
 */
export function cutText(value: Json, limit: { readonly maxBytes: number; readonly whole: number | undefined }): Cut {
  const text = asText(value);
  const size = utf8Bytes(text);
  if (limit.whole === undefined && size <= limit.maxBytes) return { value, truncatedBytes: 0 };
  const whole = Math.max(limit.whole ?? size, size);
  // The note's own length depends on a number of at most as many digits as the whole.
  const room = limit.maxBytes - cutNote(whole, whole).length;
  const kept = firstBytes(text, Math.max(0, room));
  const bytes = utf8Bytes(kept);
  return { value: kept + cutNote(bytes, whole), truncatedBytes: whole - bytes };
}

const cutNote = (kept: number, whole: number): string => ` [cut: ${kept} of ${whole} bytes]`;

/** The most characters that fit into `bytes`; none is split. */
function firstBytes(text: string, bytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytes));
  return text.slice(0, read);
}
