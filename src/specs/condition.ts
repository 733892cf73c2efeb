import type { Json } from "../model/json.ts";
import { templateOf } from "./name-template.ts";
import type { Pattern } from "./pattern.ts";

/** Types that a value can be asked for. An `int` is a number without a fraction, a `number` any. */
export const VALUE_TYPES = ["string", "number", "int", "bool", "array", "object", "null"] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

/** A plain value to compare with. */
export type Plain = string | number | boolean;

/** How far numbers may differ and still be equal: |a − b| ≤ abs + rel · max(|a|, |b|), after Tempo's trace diff. */
export type Tolerance = { readonly rel: number; readonly abs: number };
const EXACT: Tolerance = { rel: 0, abs: 0 };

/** One question about a value. Every one but `exists` is false for an absent value; only `not` turns that. */
export type Condition =
  | { readonly op: "=" | "!="; readonly value: Plain; readonly tolerance?: Tolerance }
  | { readonly op: "<" | "<=" | ">" | ">="; readonly value: Plain }
  | { readonly op: "in" | "not_in"; readonly values: readonly Plain[] }
  | { readonly op: "matches" | "not_matches"; readonly pattern: Pattern; readonly text: string }
  | { readonly op: "contains" | "not_contains"; readonly value: Plain }
  | { readonly op: "template"; readonly template: string }
  | { readonly op: "type"; readonly type: ValueType }
  | { readonly op: "exists"; readonly wanted: boolean }
  | { readonly op: "not"; readonly inner: Condition }
  | { readonly op: "all"; readonly parts: readonly Condition[] };

/**
 * Whether a value (undefined: absent) meets a condition. Of an array, one element must; for `!=`, `not_in`,
 * `not_matches` and `not_contains` every element must. Numbers and booleans equal their text, since several formats
 * carry every attribute as text.
 */
export function holds(condition: Condition, value: Json | undefined): boolean {
  switch (condition.op) {
    case "exists":
      return (value !== undefined) === condition.wanted;
    case "not":
      return !holds(condition.inner, value);
    case "all":
      return condition.parts.every((part) => holds(part, value));
    case "type":
      return value !== undefined && isOfType(value, condition.type);
    case "contains":
      return value !== undefined && contains(value, condition.value);
    case "not_contains":
      return value !== undefined && !contains(value, condition.value);
    case "=":
    case "!=":
    case "<":
    case "<=":
    case ">":
    case ">=":
    case "in":
    case "not_in":
    case "matches":
    case "not_matches":
    case "template":
      return value !== undefined && overElements(condition, value);
  }
}

type ElementCondition = Exclude<Condition, { op: "exists" | "not" | "all" | "type" | "contains" | "not_contains" }>;

function overElements(condition: ElementCondition, value: Json): boolean {
  if (!Array.isArray(value)) return elementHolds(condition, value);
  const every = condition.op === "!=" || condition.op === "not_in" || condition.op === "not_matches";
  return every
    ? value.every((item) => elementHolds(condition, item))
    : value.some((item) => elementHolds(condition, item));
}

function elementHolds(condition: ElementCondition, value: Json): boolean {
  switch (condition.op) {
    case "=":
      return equal(value, condition.value, condition.tolerance);
    case "!=":
      return !equal(value, condition.value, condition.tolerance);
    case "in":
      return condition.values.some((wanted) => equal(value, wanted));
    case "not_in":
      return !condition.values.some((wanted) => equal(value, wanted));
    case "matches":
      return condition.pattern(textOf(value));
    case "not_matches":
      return !condition.pattern(textOf(value));
    case "template":
      return templateOf(textOf(value)) === condition.template;
    case "<":
    case "<=":
    case ">":
    case ">=":
      return ordered(condition.op, value, condition.value);
  }
}

/** Equality of a value with a wanted one, by number where both are numbers or their text, otherwise by text. */
export function equal(value: Json, wanted: Plain, tolerance: Tolerance = EXACT): boolean {
  if (value === wanted) return true;
  if (typeof wanted === "number") {
    const number = numberOf(value);
    return number !== undefined && near(number, wanted, tolerance);
  }
  return typeof value !== "object" && String(value) === String(wanted);
}

function near(a: number, b: number, { rel, abs }: Tolerance): boolean {
  // A text may write a number that is too large for one: infinitely far from all others, whatever the tolerance.
  return a === b || (Number.isFinite(a - b) && Math.abs(a - b) <= abs + rel * Math.max(Math.abs(a), Math.abs(b)));
}

function ordered(op: "<" | "<=" | ">" | ">=", value: Json, bound: Plain): boolean {
  const [a, b] =
    typeof bound === "number" ? [numberOf(value), bound] : [typeof value === "string" ? value : undefined, bound];
  if (a === undefined) return false;
  if (op === "<") return a < b;
  if (op === "<=") return a <= b;
  return op === ">" ? a > b : a >= b;
}

const DECIMAL = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** A value as a number: itself, or the number that a text writes. */
export function numberOf(value: Json): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && value.length <= 400 && DECIMAL.test(value) ? Number(value) : undefined;
}

/** A value as text; structures as JSON. */
export function textOf(value: Json): string {
  if (typeof value === "string") return value;
  return JSON.stringify(value);
}

/** An array contains an equal element, an object a key, anything else a part of its text. */
function contains(value: Json, part: Plain): boolean {
  if (Array.isArray(value)) return value.some((item) => equal(item, part));
  if (typeof value === "object" && value !== null) return Object.hasOwn(value, String(part));
  return textOf(value).includes(String(part));
}

function isOfType(value: Json, type: ValueType): boolean {
  if (type === "array") return Array.isArray(value);
  if (type === "null") return value === null;
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  if (type === "int") return Number.isInteger(value);
  return typeof value === (type === "bool" ? "boolean" : type);
}
