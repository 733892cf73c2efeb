import type { LogRecord } from "./log.ts";
import { SpanId, TraceId } from "./span.ts";

/** Stores keep times as signed 64-bit integers, the largest of which no time has. */
const LATEST_NS = 2n ** 63n - 2n;

/** Why a record is none of OpenTelemetry's logs data model, or undefined when it is one. The reason names no value. */
export function logFault(record: LogRecord): string | undefined {
  const { timeNs, observedNs = 1n, severity = 1, droppedAttributes = 1, traceId, spanId } = record;
  if (timeNs <= 0n || timeNs > LATEST_NS) return "time is out of range";
  if (observedNs <= 0n || observedNs > LATEST_NS) return "observed time is out of range";
  if (!Number.isInteger(severity) || severity < 1 || severity > 24) return "severity number is out of range";
  if (!Number.isSafeInteger(droppedAttributes) || droppedAttributes < 1) return "dropped attributes are no count";
  if (traceId !== undefined && !TraceId.safeParse(traceId).success) return "trace id is malformed";
  return spanId !== undefined && !SpanId.safeParse(spanId).success ? "span id is malformed" : undefined;
}
