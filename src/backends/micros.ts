import { durationField, timeField } from "../capture/otlp/fields.ts";
import { reject } from "../capture/otlp/rejection.ts";

/** Tags of OpenTelemetry's mapping that a span's own fields express; they are not kept as attributes. */
export const FIELD_TAGS: readonly string[] = [
  "otel.status_code",
  "otel.status_description",
  "otel.scope.name",
  "otel.scope.version",
  "otel.library.name",
  "otel.library.version",
];

/** Jaeger and Zipkin leave out leading zeros, and 64-bit trace ids are allowed: pads to the full length. */
export function paddedId(value: unknown, bytes: 8 | 16): unknown {
  return typeof value === "string" && value !== "" && value.length < bytes * 2 && /^[0-9a-fA-F]+$/.test(value)
    ? value.padStart(bytes * 2, "0")
    : value;
}

/** A time in µs since the epoch, to ns. */
export function nsFromMicros(value: unknown, name: string): bigint {
  if (typeof value === "string" && /^\d{1,16}$/.test(value)) return timeField(`${value}000`, name);
  if (typeof value !== "number") return timeField(value, name);
  if (!Number.isSafeInteger(value) || value < 0) reject(`${name} is malformed`);
  return timeField(String(BigInt(value) * 1_000n), name);
}

/** A duration in µs, to ns. */
export function durationFromMicros(value: unknown): number {
  if (value === undefined || value === null) reject("duration is missing");
  const micros = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof micros !== "number" || !Number.isSafeInteger(micros)) reject("duration is malformed");
  if (micros < 0) reject("duration is negative");
  return durationField(0n, BigInt(micros) * 1_000n);
}
