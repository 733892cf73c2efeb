import { WhetstoneError } from "../model/error.ts";
import type { Json } from "../model/json.ts";
import { SPAN_KINDS, SPAN_STATUSES, type Attributes, type Span } from "../model/span.ts";
import { INT64 } from "./cursor.ts";
import { decodeJson, decodeText, encodeJson, encodeText } from "./text.ts";
import { endOf } from "./trace-totals.ts";

/** The columns of a span that are its own; what it shares with others is interned (see {@link SharedRow}). */
export type SpanRow = {
  readonly spanId: Uint8Array;
  readonly parentSpanId: Uint8Array | null;
  readonly kind: number;
  readonly startNs: bigint;
  readonly durationNs: number;
  readonly status: number;
  readonly statusMessage: string | null;
  readonly attributes: string;
  readonly events: string | null;
  readonly links: string | null;
};

/** The values of a span that are stored once for many spans. */
export type SharedRow = {
  readonly service: string;
  readonly name: string;
  readonly resource: string;
  readonly scope: string;
};

/** A span as the read queries return it: integers as the driver gives them. */
export type SelectedSpan = {
  readonly trace_id: Uint8Array;
  readonly span_id: Uint8Array;
  readonly parent_span_id: Uint8Array | null;
  readonly kind: number | bigint;
  readonly service: string;
  readonly name: string;
  readonly start_ns: bigint | string;
  readonly duration_ns: bigint | string;
  readonly status: number | bigint;
  readonly status_message: string | null;
  readonly attributes: string;
  readonly events: string | null;
  readonly links: string | null;
  readonly resource: string;
  readonly scope: string;
};

/** Bytes of a hexadecimal id. @throws WhetstoneError `store_write_failed` when it is not `bytes` long. */
export function idBytes(hex: string, bytes: number): Uint8Array {
  const id = Buffer.from(hex, "hex");
  if (id.length === bytes && hex.length === 2 * bytes) return id;
  throw new WhetstoneError("store_write_failed", `"${hex}" is not an id of ${bytes} bytes in hexadecimal.`, {
    remedy: "Check the ids before storing; the batch was not stored.",
  });
}

/** Hexadecimal text of an id. */
export function idHex(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString("hex");
}

/** @throws WhetstoneError `store_write_failed` when a time does not fit into a signed 64-bit integer. */
function checkTimes(span: Span): void {
  const isLength = Number.isSafeInteger(span.durationNs) && span.durationNs >= 0;
  if (isLength && span.startNs > INT64.min && endOf(span) < INT64.max) return;
  throw new WhetstoneError(
    "store_write_failed",
    `Span ${span.spanId} of trace ${span.traceId} has a start or a duration that cannot be stored.`,
    {
      remedy:
        "A start lies within the years 1678 to 2262, a duration is a whole number of ns; the batch was not stored.",
      data: { traceId: span.traceId, spanId: span.spanId, startNs: `${span.startNs}`, durationNs: span.durationNs },
    },
  );
}

/**
 * Columns of a span.
 * @throws WhetstoneError `store_write_failed` when an id or a time does not fit.
 */
export function toRow(span: Span): SpanRow {
  checkTimes(span);
  return {
    spanId: idBytes(span.spanId, 8),
    parentSpanId: span.parentSpanId === undefined ? null : idBytes(span.parentSpanId, 8),
    kind: SPAN_KINDS.indexOf(span.kind),
    startNs: span.startNs,
    durationNs: span.durationNs,
    status: SPAN_STATUSES.indexOf(span.status),
    statusMessage: span.statusMessage === undefined ? null : encodeText(span.statusMessage),
    attributes: encodeJson(span.attributes),
    events: span.events.length === 0 ? null : encodeJson(span.events.map(eventJson)),
    links: span.links.length === 0 ? null : encodeJson(span.links),
  };
}

const eventJson = (event: Span["events"][number]): Json => ({ ...event, timeNs: event.timeNs.toString() });

/** The interned columns of a span. */
export function toSharedRow(span: Span): SharedRow {
  return {
    service: encodeText(span.service),
    name: encodeText(span.name),
    resource: resourceText(span),
    scope: scopeText(span),
  };
}

/** The column of a span's resource. */
export const resourceText = ({ resource }: Pick<Span, "resource">): string => encodeJson(resource);

/** The column of a span's scope. */
export const scopeText = ({ scope }: Pick<Span, "scope">): string => encodeJson(scope as Json);

/** The spans that selected rows hold; equal resources and scopes are one object. */
export function fromRows(rows: readonly SelectedSpan[]): readonly Span[] {
  const parsed = new Map<string, Json>();
  const parse = (text: string): Json => {
    const value = parsed.get(text) ?? decodeJson(text);
    parsed.set(text, value);
    return value;
  };
  return rows.map((row) => fromRow(row, parse));
}

/** The span that a selected row holds. */
export function fromRow(row: SelectedSpan, parseShared = decodeJson): Span {
  return {
    traceId: idHex(row.trace_id),
    spanId: idHex(row.span_id),
    ...(row.parent_span_id === null ? {} : { parentSpanId: idHex(row.parent_span_id) }),
    kind: memberAt(SPAN_KINDS, row.kind),
    name: decodeText(row.name),
    service: decodeText(row.service),
    startNs: BigInt(row.start_ns),
    durationNs: Number(row.duration_ns),
    status: memberAt(SPAN_STATUSES, row.status),
    ...(row.status_message === null ? {} : { statusMessage: decodeText(row.status_message) }),
    attributes: decodeJson(row.attributes) as Attributes,
    events: row.events === null ? [] : (decodeJson(row.events) as StoredEvent[]).map(eventFromJson),
    links: row.links === null ? [] : (decodeJson(row.links) as Span["links"]),
    resource: parseShared(row.resource) as Attributes,
    scope: parseShared(row.scope) as Span["scope"],
  };
}

type StoredEvent = { name: string; timeNs: string; attributes: Attributes };

const eventFromJson = (event: StoredEvent): Span["events"][number] => ({ ...event, timeNs: BigInt(event.timeNs) });

/** @throws WhetstoneError `defect` when the store holds a number that no version of the program wrote. */
export function memberAt<T>(list: readonly T[], index: number | bigint): T {
  const member = list[Number(index)];
  if (member === undefined) throw new WhetstoneError("defect", `The store holds the unknown code ${index}.`);
  return member;
}
