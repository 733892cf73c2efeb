import type { Attributes } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/**
 * How many spans a kept one stands for: the inverse of the probability that it was kept. Absent means 1. Counts and
 * rates over sampled spans are sums of weights.
 */
export const SAMPLE_WEIGHT = "whetstone.sample_weight";

/** A span's weight; 1 when none, or nothing usable, is stated. */
export function weightOf(attributes: Attributes): number {
  const stated = attributes[SAMPLE_WEIGHT];
  return typeof stated === "number" && Number.isFinite(stated) && stated >= 1 ? stated : 1;
}

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
