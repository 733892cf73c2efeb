import { z } from "zod";
import { Json } from "./json.ts";
import { Attributes, Scope, SpanId, TraceId } from "./span.ts";

/** Least severity number of each severity (OpenTelemetry logs data model); each has four. */
export const SEVERITIES = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 } as const;
export type Severity = keyof typeof SEVERITIES;

/** One OpenTelemetry log record with the resource and scope it came with. Times in ns since the Unix epoch. */
export const LogRecord = z.object({
  /** When it happened; where the source does not say, when it was observed. */
  timeNs: z.bigint(),
  observedNs: z.bigint().optional(),
  /** 1 to 24, see {@link SEVERITIES}; absent where the source does not say. */
  severity: z.number().int().min(1).max(24).optional(),
  /** The source's own word for it. */
  severityText: z.string().optional(),
  body: Json.optional(),
  /** Name of the event; a record with one has the attributes and the body that the name promises. */
  eventName: z.string().optional(),
  traceId: TraceId.optional(),
  spanId: SpanId.optional(),
  attributes: Attributes,
  /** Attributes that the source left out. */
  droppedAttributes: z.number().int().positive().optional(),
  /** Resource attribute `service.name`; `unknown_service` when absent. */
  service: z.string(),
  resource: Attributes,
  scope: Scope,
});
export type LogRecord = z.infer<typeof LogRecord>;
