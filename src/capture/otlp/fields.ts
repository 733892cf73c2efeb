import { SPAN_KINDS, SPAN_STATUSES, type Scope, type SpanKind, type SpanStatus } from "../../model/span.ts";
import { reject } from "./rejection.ts";

/**
 * An id in lower-case hexadecimal. OTLP JSON writes hexadecimal; the protobuf JSON mapping (used by Tempo's API) writes
 * base64, which its length tells apart.
 * @param bytes 16 for trace ids, 8 for span ids
 */
export function idField(value: unknown, bytes: 8 | 16, name: string): string {
  if (typeof value !== "string" || value === "") reject(`${name} is missing`);
  const hex = value.length === bytes * 2 ? value.toLowerCase() : base64ToHex(value, bytes);
  if (hex === undefined || !/^[0-9a-f]+$/.test(hex)) reject(`${name} is malformed`);
  if (/^0+$/.test(hex)) reject(`${name} is all zero`);
  return hex;
}

/** A parent's span id; absent, empty and all-zero mean a root. */
export function parentIdField(value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (value === "0".repeat(16) || value === "AAAAAAAAAAA=") return undefined;
  return idField(value, 8, "parent span id");
}

/** A scope without what is empty. */
export function scopeFrom({ name, version, attributes = {} }: Scope): Scope {
  return {
    name,
    ...(version !== undefined && version !== "" && { version }),
    ...(Object.keys(attributes).length > 0 && { attributes }),
  };
}

/** Stores keep times as signed 64-bit integers, the largest of which no time has. */
const LATEST_NS = 2n ** 63n - 2n;

/** A time in ns since the epoch, as a decimal string or a number; 0 means missing. */
export function timeField(value: unknown, name: string): bigint {
  if (value === undefined || value === null || value === "") reject(`${name} is missing`);
  return checkedTime(wholeNumber(value) ?? reject(`${name} is malformed`), name);
}

/** The same for a time that is read already. */
export function checkedTime(ns: bigint, name: string): bigint {
  if (ns === 0n) reject(`${name} is missing`);
  return ns <= LATEST_NS ? ns : reject(`${name} is out of range`);
}

function wholeNumber(value: unknown): bigint | undefined {
  if (typeof value === "number") return Number.isInteger(value) && value >= 0 ? BigInt(value) : undefined;
  return typeof value === "string" && /^\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

const KIND_NAMES = ["UNSPECIFIED", ...SPAN_KINDS.map((kind) => kind.toUpperCase())];
const STATUS_NAMES = SPAN_STATUSES.map((status) => status.toUpperCase());

/** Span kind by number or name; unspecified is internal. */
export function kindField(value: unknown): SpanKind {
  const index = enumIndex(value, "SPAN_KIND_", KIND_NAMES);
  return SPAN_KINDS[Math.max(0, index - 1)] ?? reject("span kind is unknown");
}

/** Status code by number or name. */
export function statusField(value: unknown): SpanStatus {
  const index = enumIndex(value, "STATUS_CODE_", STATUS_NAMES);
  return SPAN_STATUSES[index] ?? reject("status code is unknown");
}

/** Length in ns; refuses an end before the start and what a number cannot hold (104 days). */
export function durationField(startNs: bigint, endNs: bigint): number {
  if (endNs < startNs) reject("end is before start");
  const duration = Number(endNs - startNs);
  return Number.isSafeInteger(duration) ? duration : reject("duration exceeds 104 days");
}

/** Number of an enum that is given by number or by name; one beyond the names for what is neither. */
export function enumIndex(value: unknown, prefix: string, names: readonly string[]): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === "string") {
    const index = /^\d+$/.test(value) ? Number(value) : names.indexOf(value.toUpperCase().replace(prefix, ""));
    return index < 0 ? names.length : index;
  }
  return typeof value === "number" && value >= 0 ? value : names.length;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function base64ToHex(value: string, bytes: number): string | undefined {
  const digits = value.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  if (digits.length !== Math.ceil((bytes * 8) / 6)) return undefined;
  let bits = 0n;
  for (const digit of digits) {
    const index = BASE64.indexOf(digit);
    if (index < 0) return undefined;
    bits = (bits << 6n) | BigInt(index);
  }
  const spare = BigInt(digits.length * 6 - bytes * 8);
  return (bits >> spare).toString(16).padStart(bytes * 2, "0");
}
