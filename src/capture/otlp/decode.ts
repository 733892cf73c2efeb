import { ATTR, type Attributes, type Span } from "../../model/span.ts";
import { isObject, type JsonObject } from "../jsonrpc.ts";
import { boundedList, checkedText, decodeAttributes, listOf } from "./any-value.ts";
import { durationField, idField, kindField, parentIdField, scopeFrom, statusField, timeField } from "./fields.ts";
import { decodedSpans, reject, type Decoded } from "./rejection.ts";

/** Service name of spans whose resource has none (OpenTelemetry resource conventions). */
const UNKNOWN_SERVICE = "unknown_service";

/**
 * Whether a parsed document is OTLP JSON traces: an object whose `resourceSpans` (or Tempo's `batches`, also below
 * `trace`) is an array. `{}` is an empty one.
 */
export function isOtlp(document: unknown): boolean {
  if (!isObject(document)) return false;
  return groupsOf(document) !== undefined || Object.keys(document).length === 0;
}

/**
 * OTLP JSON traces to spans. Lenient where the specification is (int64 as string or number, unknown fields) and where
 * known writers differ (enum names, base64 ids, `instrumentationLibrarySpans`). Never throws on a bad span: it is
 * counted under its reason.
 * @param document parsed JSON with `resourceSpans`, `batches` or `trace.resourceSpans`; see {@link isOtlp}
 */
export function decodeOtlp(document: unknown): Decoded {
  const decoded = decodedSpans();
  const groups = isObject(document) ? groupsOf(document) : undefined;
  for (const group of groups ?? []) {
    const spansBelow = (): number => countSpans(group);
    decoded.attempt(() => {
      const resource = resourceOf(object(group, "a resourceSpans entry"));
      for (const scoped of scopesOf(object(group, "a resourceSpans entry"))) {
        decoded.attempt(() => {
          const scope = scopeOf(object(scoped, "a scopeSpans entry"));
          for (const span of listOf(object(scoped, "a scopeSpans entry")["spans"])) {
            decoded.attempt(() => decodeSpan(object(span, "a span"), resource, scope));
          }
          return undefined;
        });
      }
      return undefined;
    }, spansBelow);
  }
  return decoded.result();
}

/** `service.name` of a resource, or {@link UNKNOWN_SERVICE}. */
export function serviceOf(resource: Attributes): string {
  const name = resource[ATTR.serviceName];
  return typeof name === "string" && name !== "" ? name : UNKNOWN_SERVICE;
}

function groupsOf(document: JsonObject): readonly unknown[] | undefined {
  const trace = isObject(document["trace"]) ? document["trace"] : document;
  const groups = trace["resourceSpans"] ?? trace["batches"];
  return Array.isArray(groups) ? groups : undefined;
}

function scopesOf(group: JsonObject): readonly unknown[] {
  return listOf(group["scopeSpans"] ?? group["instrumentationLibrarySpans"]);
}

/** Spans of a group whose resource cannot be read; at least the group itself. */
function countSpans(group: unknown): number {
  const scopes: unknown = isObject(group) ? (group["scopeSpans"] ?? group["instrumentationLibrarySpans"]) : [];
  let count = 0;
  for (const scoped of Array.isArray(scopes) ? scopes : []) {
    const spans: unknown = isObject(scoped) ? scoped["spans"] : undefined;
    if (Array.isArray(spans)) count += spans.length;
  }
  return Math.max(1, count);
}

function resourceOf(group: JsonObject): Attributes {
  return isObject(group["resource"]) ? decodeAttributes(group["resource"]["attributes"]) : {};
}

function scopeOf(scoped: JsonObject): Span["scope"] {
  const scope = scoped["scope"] ?? scoped["instrumentationLibrary"];
  if (!isObject(scope)) return { name: "" };
  const attributes = decodeAttributes(scope["attributes"]);
  return scopeFrom({ name: text(scope["name"]), version: text(scope["version"]), attributes });
}

function decodeSpan(span: JsonObject, resource: Attributes, scope: Span["scope"]): Span {
  const startNs = timeField(span["startTimeUnixNano"], "start time");
  const endNs = timeField(span["endTimeUnixNano"], "end time");
  const status = isObject(span["status"]) ? span["status"] : {};
  const parentSpanId = parentIdField(span["parentSpanId"]);
  const statusMessage = text(status["message"]);
  return {
    traceId: idField(span["traceId"], 16, "trace id"),
    spanId: idField(span["spanId"], 8, "span id"),
    ...(parentSpanId !== undefined && { parentSpanId }),
    kind: kindField(span["kind"]),
    name: text(span["name"]),
    service: serviceOf(resource),
    startNs,
    durationNs: durationField(startNs, endNs),
    status: statusField(status["code"]),
    ...(statusMessage !== "" && { statusMessage }),
    attributes: decodeAttributes(span["attributes"]),
    events: boundedList(span["events"], "events").map(decodeEvent),
    links: boundedList(span["links"], "links").map(decodeLink),
    resource,
    scope,
  };
}

function decodeEvent(value: unknown): Span["events"][number] {
  const event = object(value, "an event");
  return {
    name: text(event["name"]),
    timeNs: timeField(event["timeUnixNano"], "event time"),
    attributes: decodeAttributes(event["attributes"]),
  };
}

function decodeLink(value: unknown): Span["links"][number] {
  const link = object(value, "a link");
  return {
    traceId: idField(link["traceId"], 16, "link's trace id"),
    spanId: idField(link["spanId"], 8, "link's span id"),
    attributes: decodeAttributes(link["attributes"]),
  };
}

function object(value: unknown, name: string): JsonObject {
  return isObject(value) ? value : reject(`${name} is no object`);
}

function text(value: unknown): string {
  return typeof value === "string" ? checkedText(value) : "";
}
