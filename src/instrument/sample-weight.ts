import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { weightOf } from "../model/sample-weight.ts";
import { ATTR } from "../model/span.ts";

/** Attribute that states how many spans a kept one stands for; absent means 1. Rates are sums of weights. */
export const SAMPLE_WEIGHT = ATTR.sampleWeight;

/** The finished span with at least this weight; the span itself when it has it already. */
export function withWeight(span: ReadableSpan, weight: number): ReadableSpan {
  if (weightOf(span.attributes) >= weight) return span;
  const attributes = { ...span.attributes, [SAMPLE_WEIGHT]: weight };
  // A finished span is read-only, and its class keeps state beside its fields: every field is taken over by name.
  return {
    name: span.name,
    kind: span.kind,
    spanContext: () => span.spanContext(),
    ...(span.parentSpanContext !== undefined && { parentSpanContext: span.parentSpanContext }),
    startTime: span.startTime,
    endTime: span.endTime,
    status: span.status,
    attributes,
    links: span.links,
    events: span.events,
    duration: span.duration,
    ended: span.ended,
    resource: span.resource,
    instrumentationScope: span.instrumentationScope,
    droppedAttributesCount: span.droppedAttributesCount,
    droppedEventsCount: span.droppedEventsCount,
    droppedLinksCount: span.droppedLinksCount,
  };
}
