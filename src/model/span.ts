import { z } from "zod";
import { Json } from "./json.ts";

/** OpenTelemetry span kinds, in the order of the OTLP enum (1 = internal). */
export const SPAN_KINDS = ["internal", "server", "client", "producer", "consumer"] as const;
export const SpanKind = z.enum(SPAN_KINDS);
export type SpanKind = z.infer<typeof SpanKind>;

/** OpenTelemetry status codes, in the order of the OTLP enum (0 = unset). */
export const SPAN_STATUSES = ["unset", "ok", "error"] as const;
export const SpanStatus = z.enum(SPAN_STATUSES);
export type SpanStatus = z.infer<typeof SpanStatus>;

/** Attribute values as JSON. 64-bit integers beyond 2^53 are decimal strings, bytes are base64 strings. */
export const Attributes = z.record(z.string(), Json);
export type Attributes = z.infer<typeof Attributes>;

/** A trace id: 32 lower-case hexadecimal digits, not all zero. */
export const TraceId = z.string().regex(/^(?!0{32})[0-9a-f]{32}$/);
/** A span id: 16 lower-case hexadecimal digits, not all zero. */
export const SpanId = z.string().regex(/^(?!0{16})[0-9a-f]{16}$/);

/** Instrumentation scope: the library that a span, metric or log record comes from. No attributes: absent. */
export const Scope = z.object({
  name: z.string(),
  version: z.string().optional(),
  attributes: Attributes.optional(),
});
export type Scope = z.infer<typeof Scope>;

/** Something that happened at a moment within a span. `timeNs`: ns since the Unix epoch. */
export const SpanEvent = z.object({ name: z.string(), timeNs: z.bigint(), attributes: Attributes });
export type SpanEvent = z.infer<typeof SpanEvent>;

/** A reference to a span of another (or the same) trace. */
export const SpanLink = z.object({ traceId: TraceId, spanId: SpanId, attributes: Attributes });
export type SpanLink = z.infer<typeof SpanLink>;

/**
 * One OpenTelemetry span with the resource and scope it came with. Outside the process a span is OTLP; this is its
 * form inside. (`traceId`, `spanId`, `kind`) identifies a span: Zipkin-style client and server spans share a span id.
 */
export const Span = z.object({
  traceId: TraceId,
  spanId: SpanId,
  parentSpanId: SpanId.optional(),
  kind: SpanKind,
  /** The operation: span name. */
  name: z.string(),
  /** Resource attribute `service.name`; `unknown_service` when absent. */
  service: z.string(),
  /** Start, ns since the Unix epoch. */
  startNs: z.bigint(),
  /** Length in ns, never negative. */
  durationNs: z.number().int().nonnegative(),
  status: SpanStatus,
  statusMessage: z.string().optional(),
  attributes: Attributes,
  events: z.array(SpanEvent),
  links: z.array(SpanLink),
  /** Resource attributes, `service.name` included. */
  resource: Attributes,
  scope: Scope,
});
export type Span = z.infer<typeof Span>;

/** Attribute names used by Whetstone; MCP names after the GenAI semantic conventions (docs/gen-ai/mcp.md). */
export const ATTR = {
  serviceName: "service.name",
  serviceVersion: "service.version",
  instanceId: "service.instance.id",
  processId: "process.pid",
  mcpMethod: "mcp.method.name",
  mcpSession: "mcp.session.id",
  mcpProtocol: "mcp.protocol.version",
  toolName: "gen_ai.tool.name",
  promptName: "gen_ai.prompt.name",
  operationName: "gen_ai.operation.name",
  toolArguments: "gen_ai.tool.call.arguments",
  toolResult: "gen_ai.tool.call.result",
  resourceUri: "mcp.resource.uri",
  requestId: "jsonrpc.request.id",
  responseStatus: "rpc.response.status_code",
  errorType: "error.type",
  networkTransport: "network.transport",
  /** `baseline` or `canary`: which version served the call. */
  arm: "whetstone.arm",
  /** Id of the loop run that caused the call. */
  run: "whetstone.run",
  /** How many spans a kept one stands for, see `sample-weight.ts`. */
  sampleWeight: "whetstone.sample_weight",
  /** Bytes of captured content that were cut off, all attributes of the span together. */
  truncatedBytes: "whetstone.truncated_bytes",
} as const;
