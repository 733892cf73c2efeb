import { canonicalJson } from "../../model/json.ts";
import { SPAN_KINDS, SPAN_STATUSES, type Scope, type Span } from "../../model/span.ts";
import { encodeAttributes, type KeyValue } from "./any-value.ts";

/** `ExportTraceServiceRequest` in OTLP JSON, as far as the model's spans fill it. */
export type OtlpDocument = { readonly resourceSpans: readonly ResourceSpans[] };

type ResourceSpans = {
  readonly resource: { readonly attributes: readonly KeyValue[] };
  readonly scopeSpans: readonly ScopeSpans[];
};

type ScopeSpans = {
  readonly scope: { readonly name: string; readonly version?: string; readonly attributes?: readonly KeyValue[] };
  readonly spans: readonly OtlpSpan[];
};

type OtlpSpan = ReturnType<typeof encodeSpan>;

/**
 * Spans to OTLP JSON (opentelemetry-proto, JSON mapping: hexadecimal ids, 64-bit integers as strings, enums as
 * numbers). Neighbours with equal resource and scope share a group, so the order of spans survives.
 */
export function encodeOtlp(spans: readonly Span[]): OtlpDocument {
  const groups: { readonly first: Span; readonly spans: OtlpSpan[] }[] = [];
  for (const span of spans) {
    const last = groups.at(-1);
    if (last && haveOneSource(last.first, span)) last.spans.push(encodeSpan(span));
    else groups.push({ first: span, spans: [encodeSpan(span)] });
  }
  return {
    resourceSpans: groups.map(({ first, spans: encoded }) => ({
      resource: { attributes: encodeAttributes(first.resource) },
      scopeSpans: [{ scope: encodeScope(first.scope), spans: encoded }],
    })),
  };
}

/** Spans of one source mostly share the objects as well, which is seen at once. */
function haveOneSource(a: Span, b: Span): boolean {
  if (a.resource === b.resource && a.scope === b.scope) return true;
  return canonicalJson([a.resource, a.scope]) === canonicalJson([b.resource, b.scope]);
}

function encodeScope({ name, version, attributes }: Scope): ScopeSpans["scope"] {
  return {
    name,
    ...(version !== undefined && { version }),
    ...(attributes !== undefined && { attributes: encodeAttributes(attributes) }),
  };
}

function encodeSpan(span: Span) {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId !== undefined && { parentSpanId: span.parentSpanId }),
    name: span.name,
    kind: SPAN_KINDS.indexOf(span.kind) + 1,
    startTimeUnixNano: String(span.startNs),
    endTimeUnixNano: String(span.startNs + BigInt(span.durationNs)),
    attributes: encodeAttributes(span.attributes),
    events: span.events.map((event) => ({
      timeUnixNano: String(event.timeNs),
      name: event.name,
      attributes: encodeAttributes(event.attributes),
    })),
    links: span.links.map((link) => ({ ...link, attributes: encodeAttributes(link.attributes) })),
    status: {
      code: SPAN_STATUSES.indexOf(span.status),
      ...(span.statusMessage !== undefined && { message: span.statusMessage }),
    },
  };
}
