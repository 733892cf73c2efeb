import type { Attributes, Scope, Span } from "../../model/span.ts";
import { checkedTime, durationField, kindField, scopeFrom, statusField } from "./fields.ts";
import { checkItems, readKeyValue } from "./protobuf-value.ts";
import { reject } from "./rejection.ts";
import {
  partsOf,
  readBytes,
  readFixed64,
  readInt64,
  readLength,
  readName,
  readTag,
  readText,
  skipField,
} from "./wire.ts";
import type { Part, Wire } from "./wire.ts";

/** What the spans of one group have in common. */
export type Shared = Pick<Span, "resource" | "scope" | "service">;

/** `ResourceSpans.resource`: attributes = 1. Several are merged, as protobuf merges a message that occurs twice. */
export function readResource(wire: Wire, group: Part): Attributes {
  const attributes: Attributes = {};
  let count = 0;
  for (const resource of partsOf(wire, group, 0x0a)) {
    for (const attribute of partsOf(wire, resource, 0x0a)) {
      checkItems((count += 1), "attributes");
      readKeyValue(wire, attribute.to, { into: attributes, depth: 0 });
    }
  }
  return attributes;
}

/** `ScopeSpans.scope`: name = 1, version = 2, attributes = 3. */
export function readScope(wire: Wire, scoped: Part): Scope {
  let name = "";
  let version = "";
  const attributes: Attributes = {};
  let count = 0;
  for (const { to } of partsOf(wire, scoped, 0x0a)) {
    while (wire.pos < to) {
      const tag = readTag(wire, to);
      if (tag === 0x0a) name = readText(wire, to);
      else if (tag === 0x12) version = readText(wire, to);
      else if (tag === 0x1a) {
        checkItems((count += 1), "attributes");
        readKeyValue(wire, readLength(wire, to), { into: attributes, depth: 0 });
      } else skipField(wire, tag, to);
    }
  }
  return scopeFrom({ name, version, attributes });
}

/** The fields of a span as they come, before they are checked together. */
type Draft = {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: number | string;
  startNs: bigint;
  endNs: bigint;
  status: Status;
  readonly attributes: Attributes;
  attributeCount: number;
  readonly events: Span["events"];
  readonly links: Span["links"];
};

type Status = { message: string; code: number | string };

/**
 * `Span` (trace.proto) that ends at `end`.
 * @throws WhetstoneError `input_unreadable` with the reason why this span is left out
 */
export function decodeSpan(wire: Wire, end: number, shared: Shared): Span {
  const draft: Draft = {
    traceId: "",
    spanId: "",
    parentSpanId: "",
    name: "",
    kind: 0,
    startNs: 0n,
    endNs: 0n,
    status: { message: "", code: 0 },
    attributes: {},
    attributeCount: 0,
    events: [],
    links: [],
  };
  while (wire.pos < end) readSpanField(wire, end, draft);
  return finishSpan(draft, shared);
}

function readSpanField(wire: Wire, end: number, draft: Draft): void {
  const tag = readTag(wire, end);
  switch (tag) {
    case 0x0a:
      draft.traceId = readBytes(wire, end, "hex");
      return;
    case 0x12:
      draft.spanId = readBytes(wire, end, "hex");
      return;
    case 0x22:
      draft.parentSpanId = readBytes(wire, end, "hex");
      return;
    case 0x2a:
      draft.name = readName(wire, end);
      return;
    case 0x30:
      draft.kind = readInt64(wire, end);
      return;
    case 0x39:
      draft.startNs = readFixed64(wire, end);
      return;
    case 0x41:
      draft.endNs = readFixed64(wire, end);
      return;
    case 0x4a:
      checkItems((draft.attributeCount += 1), "attributes");
      return readKeyValue(wire, readLength(wire, end), { into: draft.attributes, depth: 0 });
    case 0x5a:
      draft.events.push(readEvent(wire, readLength(wire, end)));
      return checkItems(draft.events.length, "events");
    case 0x6a:
      draft.links.push(readLink(wire, readLength(wire, end)));
      return checkItems(draft.links.length, "links");
    case 0x7a:
      return readStatus(wire, readLength(wire, end), draft.status);
    default:
      return skipField(wire, tag, end);
  }
}

function finishSpan(draft: Draft, { resource, scope, service }: Shared): Span {
  const startNs = checkedTime(draft.startNs, "start time");
  const endNs = checkedTime(draft.endNs, "end time");
  const parentSpanId = draft.parentSpanId === "" ? undefined : parentId(draft.parentSpanId);
  const { message, code } = draft.status;
  const span: Span = {
    traceId: checkedId(draft.traceId, 16, "trace id"),
    spanId: checkedId(draft.spanId, 8, "span id"),
    kind: kindField(draft.kind),
    name: draft.name,
    service,
    startNs,
    durationNs: durationField(startNs, endNs),
    status: statusField(code),
    attributes: draft.attributes,
    events: draft.events,
    links: draft.links,
    resource,
    scope,
  };
  if (parentSpanId !== undefined) span.parentSpanId = parentSpanId;
  if (message !== "") span.statusMessage = message;
  return span;
}

/** `Span.Event`: time_unix_nano = 1, name = 2, attributes = 3. */
function readEvent(wire: Wire, end: number): Span["events"][number] {
  const attributes: Attributes = {};
  let count = 0;
  let name = "";
  let timeNs = 0n;
  while (wire.pos < end) {
    const tag = readTag(wire, end);
    if (tag === 0x09) timeNs = readFixed64(wire, end);
    else if (tag === 0x12) name = readText(wire, end);
    else if (tag === 0x1a) {
      checkItems((count += 1), "attributes");
      readKeyValue(wire, readLength(wire, end), { into: attributes, depth: 0 });
    } else skipField(wire, tag, end);
  }
  return { name, timeNs: checkedTime(timeNs, "event time"), attributes };
}

/** `Span.Link`: trace_id = 1, span_id = 2, attributes = 4. */
function readLink(wire: Wire, end: number): Span["links"][number] {
  const attributes: Attributes = {};
  let count = 0;
  let traceId = "";
  let spanId = "";
  while (wire.pos < end) {
    const tag = readTag(wire, end);
    if (tag === 0x0a) traceId = readBytes(wire, end, "hex");
    else if (tag === 0x12) spanId = readBytes(wire, end, "hex");
    else if (tag === 0x22) {
      checkItems((count += 1), "attributes");
      readKeyValue(wire, readLength(wire, end), { into: attributes, depth: 0 });
    } else skipField(wire, tag, end);
  }
  return {
    traceId: checkedId(traceId, 16, "link's trace id"),
    spanId: checkedId(spanId, 8, "link's span id"),
    attributes,
  };
}

/** `Status`: message = 2, code = 3. */
function readStatus(wire: Wire, end: number, status: Status): void {
  while (wire.pos < end) {
    const tag = readTag(wire, end);
    if (tag === 0x12) status.message = readText(wire, end);
    else if (tag === 0x18) status.code = readInt64(wire, end);
    else skipField(wire, tag, end);
  }
}

const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);

/** An id whose bytes were read as hexadecimal. */
function checkedId(hex: string, bytes: 8 | 16, name: string): string {
  if (hex === "") reject(`${name} is missing`);
  if (hex.length !== bytes * 2) reject(`${name} is malformed`);
  return hex === (bytes === 16 ? NO_TRACE : NO_SPAN) ? reject(`${name} is all zero`) : hex;
}

function parentId(hex: string): string | undefined {
  if (hex.length !== 16) reject("parent span id is malformed");
  return hex === NO_SPAN ? undefined : hex;
}
