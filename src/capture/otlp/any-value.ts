import type { Json } from "../../model/json.ts";
import type { Attributes } from "../../model/span.ts";
import { isObject } from "../jsonrpc.ts";
import { OTLP_LIMITS } from "./limits.ts";
import { reject } from "./rejection.ts";

/** An OTLP `AnyValue` in JSON: at most one member; none is null. */
export type AnyValue = {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values: readonly AnyValue[] };
  readonly kvlistValue?: { readonly values: readonly KeyValue[] };
};

/** An OTLP `KeyValue` in JSON. */
export type KeyValue = { readonly key: string; readonly value: AnyValue };

/** JSON value to `AnyValue`; whole numbers up to 2^53 become integers. */
export function encodeValue(value: Json): AnyValue {
  if (value === null) return {};
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") {
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(encodeValue) } };
  return { kvlistValue: { values: encodeAttributes(value) } };
}

/** Attributes as OTLP writes them. */
export function encodeAttributes(attributes: Attributes): KeyValue[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: encodeValue(value) }));
}

/**
 * `AnyValue` to JSON. Integers beyond 2^53 stay decimal strings, bytes stay base64 strings, NaN and the infinities
 * become their names. A value of an unknown kind is refused with `reject`.
 */
export function decodeValue(value: unknown, depth = 0): Json {
  if (depth > OTLP_LIMITS.depth) reject("attribute value nested too deeply");
  if (value === undefined || value === null) return null;
  if (!isObject(value)) reject("attribute value is no object");
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = value;
  if (typeof stringValue === "string") return checkedText(stringValue);
  if (typeof boolValue === "boolean") return boolValue;
  if (intValue !== undefined) return decodeInt(intValue);
  if (doubleValue !== undefined) return decodeDouble(doubleValue);
  if (isObject(arrayValue))
    return boundedList(arrayValue["values"], "values in an array").map((item) => decodeValue(item, depth + 1));
  if (isObject(kvlistValue)) return decodeAttributes(kvlistValue["values"], depth + 1);
  if (typeof bytesValue === "string") return bytesValue;
  return Object.keys(value).length === 0 ? null : reject("attribute value of an unknown kind");
}

/** OTLP attributes to an object; the last of equal keys wins. */
export function decodeAttributes(attributes: unknown, depth = 0): Attributes {
  const into: Attributes = {};
  for (const entry of boundedList(attributes, "attributes")) {
    if (!isObject(entry) || typeof entry["key"] !== "string") reject("attribute without a key");
    setAttribute(into, entry["key"], decodeValue(entry["value"], depth));
  }
  return into;
}

/** Sets an attribute whatever its name is. */
export function setAttribute(into: Attributes, key: string, value: Json): void {
  if (key === "__proto__") {
    Object.defineProperty(into, key, { value, enumerable: true, configurable: true, writable: true });
  } else into[key] = value;
}

/** A repeated field: absent and null mean empty. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : reject("a repeated field is no array");
}

/** A repeated field of one span, within what a span may have. */
export function boundedList(value: unknown, what: string): readonly unknown[] {
  const list = listOf(value);
  return list.length <= OTLP_LIMITS.items ? list : reject(`more than ${OTLP_LIMITS.items} ${what}`);
}

/** A text of one span, within what a span may have. */
export function checkedText(text: string): string {
  // A code unit is at most three bytes, so that most texts need no count.
  const fits = text.length * 3 <= OTLP_LIMITS.textBytes || Buffer.byteLength(text) <= OTLP_LIMITS.textBytes;
  return fits ? text : reject(`a text is longer than ${OTLP_LIMITS.textBytes} bytes`);
}

/** An int64 in JSON, which may be a string or a number: a number where it is exact, else the decimal string. */
export function decodeInt(value: unknown): number | string {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  if (typeof value !== "string" || !/^-?\d+$/.test(value)) reject("integer attribute is no integer");
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function decodeDouble(value: unknown): number | string {
  if (typeof value === "number") return value;
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return value;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : reject("double attribute is no number");
}
