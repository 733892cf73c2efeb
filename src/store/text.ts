import type { Json } from "../model/json.ts";

/**
 * Span text is foreign text: it may hold NUL or half a surrogate pair, which PostgreSQL refuses and SQLite mangles, and
 * JSON nested deeper than either parses. One such span must not poison a batch or a search, so such values are stored
 * as this mark (DEL, which JSON leaves as it is) and their code. Every other value is stored as it is.
 */
const MARK = "\u007f";

/** Levels of arrays and objects that are stored as they are; SQLite parses 1,000, PostgreSQL what its stack holds. */
const MAX_DEPTH = 64;

/** Text that every engine keeps. Equal texts give equal codes, so codes can be compared. Inverse: {@link decodeText}. */
export function encodeText(text: string): string {
  const isPlain = !text.includes("\0") && !text.startsWith(MARK) && text.isWellFormed();
  return isPlain ? text : MARK + JSON.stringify(text);
}

/** The text that {@link encodeText} was given. */
export function decodeText(text: string): string {
  return text.startsWith(MARK) ? (JSON.parse(text.slice(1)) as string) : text;
}

/**
 * A member name without anything that JSON escapes, as hexadecimal UTF-16 where it needs a code. V8's JSON.parse may
 * return another key than the one that stands there when it is escaped (nodejs/node#63785), and a name without quotes
 * and backslashes can be written into a JSON path.
 */
export function encodeKey(key: string): string {
  const isPlain = JSON.stringify(key).length === key.length + 2 && !key.startsWith(MARK);
  return isPlain ? key : MARK + Buffer.from(key, "utf16le").toString("hex");
}

const decodeKey = (key: string): string =>
  key.startsWith(MARK) ? Buffer.from(key.slice(1), "hex").toString("utf16le") : key;

/** JSON text that every engine keeps and can look into. Inverse: {@link decodeJson}. */
export function encodeJson(value: Json): string {
  const text = JSON.stringify(value);
  const mayNeedCode = text.includes("\\") || text.includes(MARK) || (mayBeDeep(text) && isDeep(value, MAX_DEPTH));
  return mayNeedCode ? JSON.stringify(encodeValue(value, MAX_DEPTH)) : text;
}

/** The value that {@link encodeJson} was given. */
export function decodeJson(text: string): Json {
  const value = JSON.parse(text) as Json;
  return text.includes(MARK) ? decodeValue(value) : value;
}

/** Whether there is a level below the first: most values are flat, and their text is searched faster than they are. */
const mayBeDeep = (text: string): boolean => text.includes("{", 1) || text.includes("[", 1);

function isDeep(value: Json, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((member) => isDeep(member, levels - 1));
}

function encodeValue(value: Json, levels: number): Json {
  if (typeof value === "string") return encodeText(value);
  if (typeof value !== "object" || value === null) return value;
  if (levels === 0) return MARK + JSON.stringify(encodeValue(value, Number.POSITIVE_INFINITY));
  if (Array.isArray(value)) return value.map((item) => encodeValue(item, levels - 1));
  const members = Object.entries(value).map(([key, member]) => [encodeKey(key), encodeValue(member, levels - 1)]);
  return Object.fromEntries(members) as Json;
}

function decodeValue(value: Json): Json {
  if (typeof value === "string") return decodeMarked(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(decodeValue);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [decodeKey(key), decodeValue(member)]));
}

function decodeMarked(text: string): Json {
  if (!text.startsWith(MARK)) return text;
  const value = JSON.parse(text.slice(1)) as Json;
  return typeof value === "string" ? value : decodeValue(value);
}

/**
 * The codes of every attribute value that the filter text `text` names: a string by its content, anything else by its
 * JSON text (`true`, `42`, `["a"]`).
 */
export function attributeCodes(text: string): readonly string[] {
  const asString = JSON.stringify(encodeText(text));
  const other = parseNonString(text);
  return other === undefined ? [asString] : [asString, JSON.stringify(encodeValue(other, MAX_DEPTH - 1))];
}

function parseNonString(text: string): Json | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return typeof value !== "string" && JSON.stringify(value) === text ? value : undefined;
  } catch {
    // Not JSON at all: the text can only name a string.
    return undefined;
  }
}

/** The text by which an attribute value is filtered: a string's content, the JSON text of anything else. */
export function attributeText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
