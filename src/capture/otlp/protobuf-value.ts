import type { Json } from "../../model/json.ts";
import type { Attributes } from "../../model/span.ts";
import { setAttribute } from "./any-value.ts";
import { OTLP_LIMITS } from "./limits.ts";
import { reject } from "./rejection.ts";
import {
  readBytes,
  readDouble,
  readInt64,
  readLength,
  readName,
  readTag,
  readText,
  skipField,
  type Wire,
} from "./wire.ts";

/**
 * Reads one `KeyValue` (key = 1, value = 2) that ends at `end` into `into`; the last of equal keys wins.
 * @param depth levels of arrays and maps around it
 */
export function readKeyValue(wire: Wire, end: number, { into, depth }: { into: Attributes; depth: number }): void {
  let key = "";
  let value: Json = null;
  while (wire.pos < end) {
    const tag = readTag(wire, end);
    if (tag === 0x0a) key = readName(wire, end);
    else if (tag === 0x12) value = readValue(wire, readLength(wire, end), depth);
    else skipField(wire, tag, end);
  }
  setAttribute(into, key, value);
}

/**
 * Reads an `AnyValue` (opentelemetry-proto, common.proto) that ends at `end`, to the same JSON as the JSON decoder:
 * integers beyond 2^53 as decimal strings, bytes as base64, NaN and the infinities by name, no value as null. The last
 * member of the `oneof` wins.
 */
export function readValue(wire: Wire, end: number, depth: number): Json {
  if (depth > OTLP_LIMITS.depth) reject("attribute value nested too deeply");
  let value: Json = null;
  while (wire.pos < end) {
    const tag = readTag(wire, end);
    switch (tag) {
      case 0x0a:
        value = readText(wire, end);
        break;
      case 0x10:
        value = readInt64(wire, end) !== 0;
        break;
      case 0x18:
        value = readInt64(wire, end);
        break;
      case 0x21:
        value = doubleOf(readDouble(wire, end));
        break;
      case 0x2a:
        value = readArray(wire, readLength(wire, end), depth + 1);
        break;
      case 0x32:
        value = readMap(wire, readLength(wire, end), depth + 1);
        break;
      case 0x3a:
        value = readBytes(wire, end, "base64");
        break;
      default:
        skipField(wire, tag, end);
    }
  }
  return value;
}

function readArray(wire: Wire, end: number, depth: number): Json[] {
  const items: Json[] = [];
  while (wire.pos < end) {
    const tag = readTag(wire, end);
    if (tag === 0x0a) items.push(readValue(wire, readLength(wire, end), depth));
    else skipField(wire, tag, end);
    checkItems(items.length, "values in an array");
  }
  return items;
}

function readMap(wire: Wire, end: number, depth: number): Attributes {
  const into: Attributes = {};
  let count = 0;
  while (wire.pos < end) {
    const tag = readTag(wire, end);
    if (tag === 0x0a) {
      checkItems((count += 1), "values in a map");
      readKeyValue(wire, readLength(wire, end), { into, depth });
    } else skipField(wire, tag, end);
  }
  return into;
}

/** Refuses more of something than a span may have. */
export function checkItems(count: number, what: string): void {
  if (count > OTLP_LIMITS.items) reject(`more than ${OTLP_LIMITS.items} ${what}`);
}

const doubleOf = (value: number): Json => (Number.isFinite(value) ? value : String(value));
