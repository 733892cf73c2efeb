import { Buffer } from "node:buffer";
import { z } from "zod";
import type { SpanNode } from "../analyze/tree.ts";
import { SpanKind, SpanStatus } from "../model/span.ts";
import { shownAttributes, shownName, shownText } from "./shown.ts";
import { ms } from "./span-rows.ts";

const Shown = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));

/** One span with all that it holds. */
export const SpanDetail = z.strictObject({
  id: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().nullable(),
  service: z.string(),
  operation: z.string(),
  kind: SpanKind,
  startMs: z.number(),
  durationMs: z.number(),
  selfMs: z.number(),
  status: SpanStatus,
  statusMessage: z.string().optional(),
  attributes: Shown,
  resource: Shown,
  events: z.array(z.strictObject({ name: z.string(), atMs: z.number(), attributes: Shown })),
  links: z.array(z.strictObject({ traceId: z.string(), spanId: z.string() })),
  cut: z.string().optional().describe("What of this span is not shown."),
});
export type SpanDetail = z.infer<typeof SpanDetail>;

/** How much of a span is shown, from all that is useful down to what fits into any budget. */
const CAPS = [
  { key: 120, value: 400, most: 40, events: 10 },
  { key: 80, value: 160, most: 20, events: 5 },
  { key: 60, value: 60, most: 8, events: 2 },
  { key: 24, value: 24, most: 3, events: 0 },
] as const;
type Caps = (typeof CAPS)[number];

/** What the details of spans have in common. */
export type DetailParts = {
  readonly short: (id: string) => string;
  /** Start of the trace, ns since the Unix epoch. */
  readonly originNs: bigint;
  /** Most bytes that one span may take. */
  readonly bytes: number;
};

/** A span with its attributes, resource, events and links, cleaned, as much of it as may be. */
export function spanDetail(node: SpanNode, parts: DetailParts): SpanDetail {
  const details = CAPS.values().map((caps) => withCaps(node, parts, caps));
  const fits = details.find((detail) => Buffer.byteLength(JSON.stringify(detail)) <= parts.bytes);
  return fits ?? withCaps(node, parts, CAPS[3]);
}

function withCaps(node: SpanNode, { short, originNs }: DetailParts, caps: Caps): SpanDetail {
  const { span } = node;
  const [own, resource] = [shownAttributes(span.attributes, caps), shownAttributes(span.resource, caps)];
  const cut = [
    [own.more, "attributes"],
    [resource.more, "resource attributes"],
    [span.events.length - caps.events, "events"],
    [span.links.length - caps.events, "links"],
  ].flatMap(([count, what]) => (Number(count) > 0 ? [`${count} more ${what}`] : []));
  return {
    id: short(span.spanId),
    spanId: span.spanId,
    parentSpanId: span.parentSpanId ?? null,
    service: shownName(span.service),
    operation: shownName(span.name),
    kind: span.kind,
    startMs: ms(node.start),
    durationMs: ms(span.durationNs),
    selfMs: ms(node.selfNs),
    status: span.status,
    ...(span.statusMessage !== undefined && { statusMessage: shownText(span.statusMessage, caps.value) }),
    attributes: own.attributes,
    resource: resource.attributes,
    events: span.events.slice(0, caps.events).map((event) => ({
      name: shownText(event.name, caps.key),
      atMs: ms(Number(event.timeNs - originNs)),
      attributes: shownAttributes(event.attributes, { ...caps, most: 10 }).attributes,
    })),
    links: span.links.slice(0, caps.events).map(({ traceId, spanId }) => ({ traceId, spanId })),
    ...(cut.length > 0 && { cut: cut.join(", ") }),
  };
}
