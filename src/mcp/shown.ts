import { boundName } from "./bound-names.ts";
import type { Json } from "../model/json.ts";
import type { Attributes } from "../model/span.ts";
import { forModel } from "../protect/sanitise.ts";

/** Longest name that an answer shows; code points. Cleaning may make a bounded name longer. */
const NAME_LENGTH = 200;
/** Longest attribute value or message. */
const VALUE_LENGTH = 400;
/** What an attribute is shown as. */
type Scalar = string | number | boolean | null;

/**
 * A name from telemetry as answers show it: names are foreign text, so they are cleaned and, where long, cut with a note.
 * Arguments that name something take this form too (see `names.ts`).
 */
export function shownName(name: string): string {
  return forModel(boundName(name), { maxLength: NAME_LENGTH });
}

/** A message or other text from telemetry, cleaned and cut. */
export function shownText(text: string, maxLength = VALUE_LENGTH): string {
  // Cleaning makes a text at most so many times longer; what is cut anyway need not be cleaned first.
  const start = text.length > 4 * maxLength ? text.slice(0, 4 * maxLength) : text;
  const clean = forModel(start, { maxLength });
  return start === text
    ? clean
    : `${clean.replace(/ \[cut: .*\]$/s, "")} [cut: the text has ${text.length} characters]`;
}

/** How much of attributes is shown: characters of a key and of a value, and how many. */
export type AttributeCaps = { readonly key: number; readonly value: number; readonly most: number };

/** Attributes, cleaned: structured values as their JSON text; and how many more there are. */
export function shownAttributes(
  attributes: Attributes,
  { key: keyLength, value: valueLength, most }: AttributeCaps,
): { attributes: Record<string, Scalar>; more: number } {
  const all = Object.entries(attributes);
  const shown = all
    .slice(0, most)
    .map(([key, value]) => [shownText(key, keyLength), shownValue(value, valueLength)] as const);
  const distinct = Object.fromEntries(shown);
  // Keys that look alike once cleaned and cut share one member.
  return { attributes: distinct, more: all.length - Object.keys(distinct).length };
}

function shownValue(value: Json, maxLength: number): Scalar {
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  return shownText(typeof value === "string" ? value : JSON.stringify(value), maxLength);
}
