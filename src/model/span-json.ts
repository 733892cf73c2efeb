import { z } from "zod";
import { Instant } from "./json.ts";
import { Attributes, Scope, type Span, SpanId, SpanKind, SpanLink, SpanStatus, TraceId } from "./span.ts";
import { formatInstant } from "./time.ts";

/** A span within its trace, as command line and API give it out: times in RFC 3339, durations in ms. */
export const SpanJson = z.object({
  spanId: SpanId,
  parentSpanId: SpanId.nullable(),
  service: z.string(),
  operation: z.string(),
  kind: SpanKind,
  start: Instant,
  durationMs: z.number(),
  status: SpanStatus,
  statusMessage: z.string().optional(),
  attributes: Attributes,
  events: z.array(z.object({ name: z.string(), time: Instant, attributes: Attributes })),
});
export type SpanJson = z.infer<typeof SpanJson>;

/** A span on its own: what {@link SpanJson} leaves to its trace and its source is in it. */
export const SpanRecordJson = z.object({
  traceId: TraceId,
  ...SpanJson.shape,
  links: z.array(SpanLink),
  resource: Attributes,
  scope: Scope,
});
export type SpanRecordJson = z.infer<typeof SpanRecordJson>;

/** The {@link SpanJson} of a span. */
export function spanJson(span: Span): SpanJson {
  const { spanId, parentSpanId, service, name, kind, status, attributes } = span;
  return {
    spanId,
    parentSpanId: parentSpanId ?? null,
    service,
    operation: name,
    kind,
    start: formatInstant(span.startNs),
    durationMs: span.durationNs / 1e6,
    status,
    ...(span.statusMessage === undefined ? {} : { statusMessage: span.statusMessage }),
    attributes,
    events: span.events.map((event) => ({
      name: event.name,
      time: formatInstant(event.timeNs),
      attributes: event.attributes,
    })),
  };
}

/** The {@link SpanRecordJson} of a span. */
export function spanRecordJson(span: Span): SpanRecordJson {
  return { traceId: span.traceId, ...spanJson(span), links: span.links, resource: span.resource, scope: span.scope };
}
