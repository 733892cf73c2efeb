import { createHash } from "node:crypto";
import { WhetstoneError } from "../model/error.ts";
import { logFault } from "../model/log-check.ts";
import type { LogRecord } from "../model/log.ts";
import type { Attributes } from "../model/span.ts";
import type { Json } from "../model/json.ts";
import { sharedText } from "./metric-row.ts";
import { idBytes, idHex } from "./row.ts";
import { decodeJson, decodeText, encodeJson, encodeText } from "./text.ts";

/** The values of a record that are stored once for many records. */
export type StreamRow = { readonly service: string; readonly resource: string; readonly scope: string };

/** The columns of a record beside its stream. */
export type LogRow = {
  readonly timeNs: bigint;
  readonly observedNs: bigint | null;
  /** 0 where the source does not say. */
  readonly severity: number;
  readonly severityText: string | null;
  readonly body: string | null;
  readonly bodyIsJson: number;
  readonly eventName: string | null;
  readonly traceId: Uint8Array | null;
  readonly spanId: Uint8Array | null;
  readonly attributes: string;
  readonly dropped: number;
};

/** A record as it is written; `digest` tells records of one time apart. */
export type EncodedLog = { readonly stream: StreamRow; readonly row: LogRow; readonly digest: Uint8Array };

/**
 * The rows of a batch. Equal records get digests of their own by how many there were before them in the batch, so that
 * all of them are kept, and a batch that comes again is known record by record.
 * @throws WhetstoneError `store_write_failed` when one is no log record
 */
export function encodeLogs(records: readonly LogRecord[]): readonly EncodedLog[] {
  const shared = sharedText();
  const seen = new Map<string, number>();
  return records.map((record) => {
    const fault = logFault(record);
    if (fault !== undefined) throw refused(record, fault);
    const stream = streamRow(record, shared);
    const row = toLogRow(record);
    const text = contentOf(row, stream);
    const before = seen.get(text) ?? 0;
    seen.set(text, before + 1);
    const digest = createHash("sha256").update(text).update(`${before}`).digest().subarray(0, 8);
    return { stream, row, digest };
  });
}

function refused({ timeNs, service }: LogRecord, fault: string): WhetstoneError {
  return new WhetstoneError("store_write_failed", `A log record of ${service} cannot be stored: ${fault}.`, {
    remedy: "Check the records before storing; the batch was not stored.",
    data: { service, timeNs: `${timeNs}`, fault },
  });
}

function streamRow(record: LogRecord, shared: ReturnType<typeof sharedText>): StreamRow {
  const { service, resource, scope } = record;
  return {
    service: encodeText(service),
    resource: shared(resource, () => resource),
    scope: shared(scope, () => scope as Json),
  };
}

function toLogRow(record: LogRecord): LogRow {
  const { body, traceId, spanId } = record;
  return {
    timeNs: record.timeNs,
    observedNs: record.observedNs ?? null,
    severity: record.severity ?? 0,
    severityText: optionalText(record.severityText),
    body: body === undefined ? null : typeof body === "string" ? encodeText(body) : encodeJson(body),
    bodyIsJson: body === undefined || typeof body === "string" ? 0 : 1,
    eventName: optionalText(record.eventName),
    traceId: traceId === undefined ? null : idBytes(traceId, 16),
    spanId: spanId === undefined ? null : idBytes(spanId, 8),
    attributes: encodeJson(record.attributes),
    dropped: record.droppedAttributes ?? 0,
  };
}

const optionalText = (text: string | undefined): string | null => (text === undefined ? null : encodeText(text));

/** Everything that a record says, as one text; not when it was observed, which may differ when it is sent again. */
function contentOf(row: LogRow, { service, resource, scope }: StreamRow): string {
  const id = (bytes: Uint8Array | null): string | null => (bytes === null ? null : idHex(bytes));
  return JSON.stringify([
    `${row.timeNs}`,
    row.severity,
    row.severityText,
    row.body,
    row.bodyIsJson,
    row.eventName,
    id(row.traceId),
    id(row.spanId),
    row.attributes,
    service,
    resource,
    scope,
  ]);
}

/** A record as the queries return it: integers as the driver gives them. */
export type SelectedLog = {
  readonly time_ns: bigint | string;
  readonly digest: Uint8Array;
  readonly observed_ns: bigint | string | null;
  readonly severity: bigint | number;
  readonly severity_text: string | null;
  readonly body: string | null;
  readonly body_is_json: bigint | number;
  readonly event_name: string | null;
  readonly trace_id: Uint8Array | null;
  readonly span_id: Uint8Array | null;
  readonly attributes: string;
  readonly dropped: bigint | string | number;
  readonly service: string;
  readonly resource: string;
  readonly scope: string;
};

/** The record that a row holds. */
export function logFromRow(row: SelectedLog): LogRecord {
  const { severity_text: severityText, event_name: eventName, trace_id: traceId, span_id: spanId, body } = row;
  return {
    timeNs: BigInt(row.time_ns),
    ...(row.observed_ns !== null && { observedNs: BigInt(row.observed_ns) }),
    ...(Number(row.severity) > 0 && { severity: Number(row.severity) }),
    ...(severityText !== null && { severityText: decodeText(severityText) }),
    ...(body !== null && { body: Number(row.body_is_json) === 1 ? decodeJson(body) : decodeText(body) }),
    ...(eventName !== null && { eventName: decodeText(eventName) }),
    ...(traceId !== null && { traceId: idHex(traceId) }),
    ...(spanId !== null && { spanId: idHex(spanId) }),
    attributes: decodeJson(row.attributes) as Attributes,
    ...(Number(row.dropped) > 0 && { droppedAttributes: Number(row.dropped) }),
    service: decodeText(row.service),
    resource: decodeJson(row.resource) as Attributes,
    scope: decodeJson(row.scope) as LogRecord["scope"],
  };
}
