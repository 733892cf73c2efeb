import { listOf } from "../capture/otlp/any-value.ts";
import { idField, parentIdField } from "../capture/otlp/fields.ts";
import { serviceOf } from "../capture/otlp/decode.ts";
import { decodedSpans, reject, type Decoded } from "../capture/otlp/rejection.ts";
import { isObject, type JsonObject } from "../capture/jsonrpc.ts";
import { ATTR, SpanKind, type Attributes, type Span, type SpanStatus } from "../model/span.ts";
import { durationFromMicros, FIELD_TAGS, nsFromMicros, paddedId } from "./micros.ts";

/** Tags that the span's own fields express; they are not kept as attributes. */
const OWN_TAGS: ReadonlySet<string> = new Set(FIELD_TAGS);

/** Whether a parsed document is Zipkin v2 JSON: a list of spans, or a list of traces that are lists of spans. */
export function isZipkin(document: unknown): boolean {
  if (!Array.isArray(document)) return false;
  const [first] = document.flat() as unknown[];
  return first === undefined || (isObject(first) && "traceId" in first && "id" in first);
}

/**
 * Zipkin v2 JSON to spans, by the OpenTelemetry mapping for Zipkin: times are µs, the tag `error` or
 * `otel.status_code` gives the status, endpoints become `net.*` and `peer.service` attributes, annotations events.
 */
export function decodeZipkin(document: unknown): Decoded {
  const decoded = decodedSpans();
  const spans: readonly unknown[] = Array.isArray(document) ? document.flat() : [];
  for (const span of spans) {
    decoded.attempt(() => (isObject(span) ? decodeSpan(span) : reject("a span is no object")));
  }
  return decoded.result();
}

function decodeSpan(span: JsonObject): Span {
  const tags = decodeTags(span["tags"]);
  const local = isObject(span["localEndpoint"]) ? span["localEndpoint"] : {};
  const service = text(local["serviceName"]);
  const resource: Attributes = service === undefined ? {} : { [ATTR.serviceName]: service };
  const parentSpanId = parentIdField(paddedId(span["parentId"], 8));
  const startNs = nsFromMicros(span["timestamp"], "start time");
  return {
    traceId: idField(paddedId(span["traceId"], 16), 16, "trace id"),
    spanId: idField(paddedId(span["id"], 8), 8, "span id"),
    ...(parentSpanId !== undefined && { parentSpanId }),
    kind: SpanKind.safeParse(text(span["kind"])?.toLowerCase()).data ?? "internal",
    name: text(span["name"]) ?? "",
    service: serviceOf(resource),
    startNs,
    durationNs: durationFromMicros(span["duration"]),
    ...statusOf(tags),
    attributes: attributesOf(tags, local, span["remoteEndpoint"]),
    events: listOf(span["annotations"]).map(decodeAnnotation),
    links: [],
    resource,
    scope: scopeOf(tags),
  };
}

/** The tag `error` marks an error by being there; its value says what happened. */
function statusOf(tags: Record<string, string>): { status: SpanStatus; statusMessage?: string } {
  const code = tags["otel.status_code"]?.toUpperCase();
  const said = tags["otel.status_description"] ?? tags["error"];
  if (code === "ERROR" || (tags["error"] !== undefined && tags["error"] !== "false")) {
    return { status: "error", ...(said !== undefined && said !== "" && said !== "true" && { statusMessage: said }) };
  }
  return { status: code === "OK" ? "ok" : "unset" };
}

function attributesOf(tags: Record<string, string>, local: JsonObject, remote: unknown): Attributes {
  const peer = isObject(remote) ? remote : {};
  const found: readonly (readonly [string, unknown])[] = [
    ["net.host.ip", local["ipv4"] ?? local["ipv6"]],
    ["net.host.port", local["port"]],
    ["peer.service", peer["serviceName"]],
    ["net.peer.ip", peer["ipv4"] ?? peer["ipv6"]],
    ["net.peer.port", peer["port"]],
  ];
  const endpoints = found.flatMap(([key, value]) =>
    typeof value === "string" || typeof value === "number" ? [[key, value] as const] : [],
  );
  return Object.fromEntries([...endpoints, ...Object.entries(tags).filter(([key]) => !OWN_TAGS.has(key))]);
}

function scopeOf(tags: Record<string, string>): Span["scope"] {
  const version = tags["otel.scope.version"] ?? tags["otel.library.version"];
  const name = tags["otel.scope.name"] ?? tags["otel.library.name"] ?? "";
  return version === undefined ? { name } : { name, version };
}

function decodeTags(tags: unknown): Record<string, string> {
  if (tags === undefined || tags === null) return {};
  if (!isObject(tags)) reject("tags are no object");
  return Object.fromEntries(
    Object.entries(tags).map(([key, value]) => {
      if (typeof value === "string") return [key, value];
      // Zipkin's tags are text; some writers put numbers and booleans there.
      if (typeof value === "number" || typeof value === "boolean") return [key, String(value)];
      return reject("tag value is no scalar");
    }),
  );
}

function decodeAnnotation(annotation: unknown): Span["events"][number] {
  if (!isObject(annotation)) reject("an annotation is no object");
  const timeNs = nsFromMicros(annotation["timestamp"], "annotation time");
  return { name: text(annotation["value"]) ?? "", timeNs, attributes: {} };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
