import { memberValue, skipSpace } from "./json-scan.ts";

/** A replacement of a part of a text: an insertion when `start` equals `end`. */
export type Splice = { readonly start: number; readonly end: number; readonly insert: string };

/**
 * The one change of a JSON-RPC message that puts `traceparent` into `params._meta` (MCP `basic`, SEP-414): replaces the
 * value that is there, or adds the member (and `_meta`, and `params`) that is missing. Everything else keeps its bytes.
 * Undefined when `params` or `_meta` is not an object: such a message passes as it is.
 * @param start position of the message's `{` in the text, which must be valid JSON
 */
export function traceparentSplice(text: string, start: number, traceparent: string): Splice | undefined {
  const value = JSON.stringify(traceparent);
  const params = memberValue(text, start, "params");
  if (params === undefined) return insertMember(text, start, `"params":{"_meta":{"traceparent":${value}}}`);
  if (text[params.start] !== "{") return undefined;
  const meta = memberValue(text, params.start, "_meta");
  if (meta === undefined) return insertMember(text, params.start, `"_meta":{"traceparent":${value}}`);
  if (text[meta.start] !== "{") return undefined;
  const present = memberValue(text, meta.start, "traceparent");
  if (present === undefined) return insertMember(text, meta.start, `"traceparent":${value}`);
  return { ...present, insert: value };
}

/**
 * The bytes of a text with all splices applied; they must not overlap. Bytes that stay are copied and not encoded
 * again, which is what makes a message of many megabytes cheap.
 * @param bytes the UTF-8 of `text`
 */
export function applySplices(bytes: Uint8Array, text: string, splices: readonly Splice[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  let byteAt = 0;
  for (const splice of splices.toSorted((a, b) => a.start - b.start)) {
    const start = byteAt + Buffer.byteLength(text.slice(at, splice.start));
    parts.push(bytes.subarray(byteAt, start), Buffer.from(splice.insert));
    byteAt = start + Buffer.byteLength(text.slice(splice.start, splice.end));
    at = splice.end;
  }
  return Buffer.concat([...parts, bytes.subarray(byteAt)]);
}

function insertMember(text: string, objectStart: number, member: string): Splice {
  const at = objectStart + 1;
  const empty = text[skipSpace(text, at)] === "}";
  return { start: at, end: at, insert: empty ? member : `${member},` };
}
