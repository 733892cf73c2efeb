import { canonicalJson } from "../model/json.ts";
import { forModel } from "./sanitise.ts";

/** Longest text that stands in a data line, characters; names from telemetry are cut at 160 before. */
export const LONGEST_TEXT = 400;

/** What could end or open markup, and every character outside ASCII: look-alikes, marks of direction, tags. */
const UNSAFE = /[<>&`\u007f-\uffff]/g;

/**
 * A value as one line of JSON that can be nothing but data: every text in it, keys included, passed the sanitiser and
 * is cut at `longest` characters; what could be taken for markup, and every character outside ASCII, is written as
 * `\uXXXX`. The line begins with `{` and holds no line break.
 */
export function dataLine(value: Readonly<Record<string, unknown>>, longest: number = LONGEST_TEXT): string {
  return asciiLine(cleaned(value, longest));
}

/**
 * A value as one line of JSON in printable ASCII that reads back as the very same value: nothing is sanitised or cut, but
 * nothing can hide, end the line or look like markup.
 */
export function asciiLine(value: unknown): string {
  const escaped = (sign: string): string => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return canonicalJson(value).replaceAll(UNSAFE, escaped);
}

function cleaned(value: unknown, longest: number): unknown {
  if (typeof value === "string") return forModel(value, { maxLength: longest });
  if (Array.isArray(value)) return value.map((item) => cleaned(item, longest));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [forModel(key, { maxLength: longest }), cleaned(member, longest)]),
  );
}
