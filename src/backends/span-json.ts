import type { Span } from "../model/span.ts";
import { formatInstant } from "../model/time.ts";

/** A span as the command line prints it within its trace: times in RFC 3339, durations in ms. */
export function spanJson(span: Span) {
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
