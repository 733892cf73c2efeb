import { WhetstoneError } from "../model/error.ts";
import { SPAN_KINDS, type Span } from "../model/span.ts";
import type { SpanFilter } from "./port.ts";
import { attributeText } from "./text.ts";

/** @throws WhetstoneError `usage` when a duration to search for is not a number. */
export function checkFilter({ minDurationNs = 0, maxDurationNs = 0 }: SpanFilter): void {
  if (!Number.isNaN(minDurationNs) && !Number.isNaN(maxDurationNs)) return;
  throw new WhetstoneError("usage", "A duration to search for is not a number.", {
    remedy: "Give the duration in nanoseconds.",
  });
}

/** Whether one span meets every condition of the filter. */
export function matches(span: Span, filter: SpanFilter): boolean {
  const { sinceNs, untilNs, minDurationNs, maxDurationNs } = filter;
  return (
    (filter.service === undefined || span.service === filter.service) &&
    (filter.operation === undefined || span.name === filter.operation) &&
    (filter.status === undefined || span.status === filter.status) &&
    (minDurationNs === undefined || span.durationNs >= minDurationNs) &&
    (maxDurationNs === undefined || span.durationNs <= maxDurationNs) &&
    (sinceNs === undefined || span.startNs >= sinceNs) &&
    (untilNs === undefined || span.startNs < untilNs) &&
    Object.entries(filter.attributes ?? {}).every(([key, text]) => hasAttribute(span, key, text))
  );
}

/** Whether something's own attributes or those of its resource have this one; `text` as {@link attributeText} gives it. */
export const hasAttribute = (of: Pick<Span, "attributes" | "resource">, key: string, text: string): boolean =>
  [of.attributes, of.resource].some(
    (attributes) => Object.hasOwn(attributes, key) && attributeText(attributes[key] ?? null) === text,
  );

/** Order of spans in every answer: start, then trace id, span id and kind. */
export function bySpanStart(a: Span, b: Span): number {
  if (a.startNs !== b.startNs) return a.startNs < b.startNs ? -1 : 1;
  if (a.traceId !== b.traceId) return a.traceId < b.traceId ? -1 : 1;
  if (a.spanId !== b.spanId) return a.spanId < b.spanId ? -1 : 1;
  return SPAN_KINDS.indexOf(a.kind) - SPAN_KINDS.indexOf(b.kind);
}
