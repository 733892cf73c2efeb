import { decodeInt, listOf } from "../capture/otlp/any-value.ts";
import { idField } from "../capture/otlp/fields.ts";
import { serviceOf } from "../capture/otlp/decode.ts";
import { decodedSpans, reject, type Decoded } from "../capture/otlp/rejection.ts";
import { isObject, type JsonObject } from "../capture/jsonrpc.ts";
import type { Json } from "../model/json.ts";
import { ATTR, SpanKind, type Attributes, type Span, type SpanStatus } from "../model/span.ts";
import { durationFromMicros, FIELD_TAGS, nsFromMicros, paddedId } from "./micros.ts";

/** Tags that the span's own fields express; they are not kept as attributes. */
const OWN_TAGS: ReadonlySet<string> = new Set(["span.kind", ...FIELD_TAGS]);

/** Whether a parsed document is Jaeger API JSON: `{data: [{traceID, spans, processes}]}`. */
export function isJaeger(document: unknown): boolean {
  if (!isObject(document) || !Array.isArray(document["data"])) return false;
  const [first] = document["data"];
  return first === undefined || (isObject(first) && "spans" in first);
}

/**
 * Jaeger API JSON (`GET /api/traces`, UI download) to spans, by the OpenTelemetry mapping for Jaeger: ids without
 * leading zeros are padded, times are µs, kind, status and scope come from tags, the first `CHILD_OF` reference within
 * the trace (else the first `FOLLOWS_FROM`) is the parent, all others are links.
 */
export function decodeJaeger(document: unknown): Decoded {
  const decoded = decodedSpans();
  const traces = isObject(document) && Array.isArray(document["data"]) ? document["data"] : [];
  for (const trace of traces) {
    decoded.attempt(() => {
      if (!isObject(trace)) reject("a trace is no object");
      const processes = isObject(trace["processes"]) ? trace["processes"] : {};
      for (const span of listOf(trace["spans"])) {
        decoded.attempt(() => (isObject(span) ? decodeSpan(span, processes) : reject("a span is no object")));
      }
      return undefined;
    });
  }
  return decoded.result();
}

function decodeSpan(span: JsonObject, processes: JsonObject): Span {
  const traceId = idOf(span["traceID"], 16, "trace id");
  const startNs = nsFromMicros(span["startTime"], "start time");
  const tags = decodeTags(span["tags"]);
  const resource = resourceOf(span["process"] ?? processes[text(span["processID"]) ?? ""]);
  const { parent, links } = relations(span, traceId);
  const parentSpanId = parent ?? parentField(span["parentSpanID"]);
  const statusMessage = text(tags["otel.status_description"]);
  return {
    traceId,
    spanId: idOf(span["spanID"], 8, "span id"),
    ...(parentSpanId !== undefined && { parentSpanId }),
    kind: SpanKind.safeParse(tags["span.kind"]).data ?? "internal",
    name: text(span["operationName"]) ?? "",
    service: serviceOf(resource),
    startNs,
    durationNs: durationFromMicros(span["duration"]),
    status: statusOf(tags),
    ...(statusMessage !== undefined && { statusMessage }),
    attributes: Object.fromEntries(Object.entries(tags).filter(([key]) => !OWN_TAGS.has(key))),
    events: listOf(span["logs"]).map(decodeLog),
    links,
    resource,
    scope: scopeOf(tags),
  };
}

function relations(span: JsonObject, traceId: string): { parent: string | undefined; links: Span["links"] } {
  const references = listOf(span["references"]).map((reference) => {
    if (!isObject(reference)) reject("a reference is no object");
    return {
      type: reference["refType"],
      traceId: idOf(reference["traceID"], 16, "reference's trace id"),
      spanId: idOf(reference["spanID"], 8, "reference's span id"),
    };
  });
  const own = references.filter((reference) => reference.traceId === traceId);
  const parent = own.find(({ type }) => type === "CHILD_OF") ?? own.find(({ type }) => type === "FOLLOWS_FROM");
  const links = references
    .filter((reference) => reference !== parent)
    .map((reference) => ({ traceId: reference.traceId, spanId: reference.spanId, attributes: {} }));
  return { parent: parent?.spanId, links };
}

function statusOf(tags: Attributes): SpanStatus {
  const code = text(tags["otel.status_code"])?.toUpperCase();
  if (code === "ERROR" || tags["error"] === true || tags["error"] === "true") return "error";
  return code === "OK" ? "ok" : "unset";
}

function scopeOf(tags: Attributes): Span["scope"] {
  const version = text(tags["otel.scope.version"]) ?? text(tags["otel.library.version"]);
  const name = text(tags["otel.scope.name"]) ?? text(tags["otel.library.name"]) ?? "";
  return version === undefined ? { name } : { name, version };
}

function resourceOf(process: unknown): Attributes {
  if (!isObject(process)) return {};
  const name = text(process["serviceName"]);
  return { ...decodeTags(process["tags"]), ...(name !== undefined && { [ATTR.serviceName]: name }) };
}

function decodeLog(log: unknown): Span["events"][number] {
  if (!isObject(log)) reject("a log is no object");
  const { event, message, ...attributes } = decodeTags(log["fields"]);
  const name = text(event) ?? text(message) ?? "log";
  const kept = text(event) !== undefined && message !== undefined ? { ...attributes, message } : attributes;
  return { name, timeNs: nsFromMicros(log["timestamp"], "log time"), attributes: kept };
}

function decodeTags(tags: unknown): Attributes {
  return Object.fromEntries(
    listOf(tags).map((tag) => {
      if (!isObject(tag) || typeof tag["key"] !== "string") reject("tag without a key");
      return [tag["key"], tagValue(tag)] as const;
    }),
  );
}

function tagValue({ type, value }: JsonObject): Json {
  if (type === "int64") return decodeInt(value);
  if (type === "bool" && typeof value === "string") return value === "true";
  if (type === "float64" && typeof value === "string" && Number.isFinite(Number(value))) return Number(value);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return value === null || value === undefined ? null : reject("tag value is no scalar");
}

function parentField(value: unknown): string | undefined {
  return value === undefined || value === null || value === "" || value === "0"
    ? undefined
    : idOf(value, 8, "parent span id");
}

function idOf(value: unknown, bytes: 8 | 16, name: string): string {
  return idField(paddedId(value, bytes), bytes, name);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
