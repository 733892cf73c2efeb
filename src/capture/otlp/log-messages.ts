import { enumeration, field, many, one } from "./message.ts";

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];

/** opentelemetry/proto/logs/v1/logs.proto, as far as it is kept. */
export const LOG_RECORD = {
  timeUnixNano: field(1, "time"),
  severityNumber: enumeration(2, "SEVERITY_NUMBER_", [
    "UNSPECIFIED",
    ...LEVELS.flatMap((level) => [level, `${level}2`, `${level}3`, `${level}4`]),
  ]),
  severityText: field(3, "text"),
  body: field(5, "any"),
  attributes: field(6, "attributes"),
  droppedAttributesCount: field(7, "uint32"),
  traceId: field(9, "traceId"),
  spanId: field(10, "spanId"),
  observedTimeUnixNano: field(11, "time"),
  eventName: field(12, "text"),
};

/** Where the messages lie in each other. */
export const LOGS_REQUEST = { resourceLogs: many(1, {}) };
export const RESOURCE_LOGS = { resource: one(1, {}), scopeLogs: many(2, {}) };
export const SCOPE_LOGS = { scope: one(1, {}), logRecords: many(2, {}) };
