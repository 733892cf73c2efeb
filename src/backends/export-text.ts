import Papa from "papaparse";
import { serviceOf } from "../capture/otlp/decode.ts";
import { encodeOtlp } from "../capture/otlp/encode.ts";
import { ATTR, type Span } from "../model/span.ts";
import { spanRecordJson } from "../model/span-json.ts";

/** Formats that spans can be exported in. */
export type ExportFormat = "otlp" | "ndjson" | "csv";

/**
 * Spans as text, batch by batch, so that memory does not grow with their number.
 * - `otlp`: OTLP JSON lines as the OpenTelemetry file exporter writes them; importing them gives the same spans, if these
 *   came by OTLP (which has no empty status message, and no time before 1970).
 * - `ndjson`: one JSON object per span, with RFC 3339 times and durations in ms.
 * - `csv`: a header and one row per span; lists and objects are JSON. No cell is a formula to a spreadsheet.
 */
export async function* exportText(
  batches: AsyncIterable<readonly Span[]>,
  format: ExportFormat,
): AsyncGenerator<string> {
  const { head, body } = WRITERS[format];
  yield head;
  for await (const batch of batches) {
    for (let at = 0; at < batch.length; at += PIECE) yield body(batch.slice(at, at + PIECE));
  }
}

/** Spans per piece of text: a piece is one string, and spans may be large. */
const PIECE = 100;

type Writer = { readonly head: string; readonly body: (spans: readonly Span[]) => string };

const WRITERS: Readonly<Record<ExportFormat, Writer>> = {
  // An empty document, so that an export without spans can be imported too.
  otlp: { head: '{"resourceSpans":[]}\n', body: (spans) => `${JSON.stringify(encodeOtlp(spans.map(named)))}\n` },
  ndjson: { head: "", body: (spans) => spans.map((span) => `${JSON.stringify(spanRecordJson(span))}\n`).join("") },
  csv: { head: `${csvColumns().join(",")}\r\n`, body: (spans) => csvRows(spans.map(csvRow)) },
};

/** OTLP has a span's service in its resource only. */
function named(span: Span): Span {
  if (serviceOf(span.resource) === span.service) return span;
  return { ...span, resource: { ...span.resource, [ATTR.serviceName]: span.service } };
}

type Cell = string | number;

function csvRow(span: Span): Readonly<Record<string, Cell>> {
  const { traceId, parentSpanId, statusMessage, ...rest } = spanRecordJson(span);
  const { attributes, events, links, resource, scope, ...plain } = rest;
  return {
    traceId,
    ...plain,
    parentSpanId: parentSpanId ?? "",
    statusMessage: statusMessage ?? "",
    attributes: JSON.stringify(attributes),
    events: JSON.stringify(events),
    links: JSON.stringify(links),
    resource: JSON.stringify(resource),
    scope: JSON.stringify(scope),
  };
}

function csvColumns(): readonly string[] {
  const ids = ["traceId", "spanId", "parentSpanId", "service", "operation", "kind", "start", "durationMs"];
  return [...ids, "status", "statusMessage", "attributes", "events", "links", "resource", "scope"];
}

/**
 * What a spreadsheet may take for a formula (OWASP, CSV injection), also behind white space and invisible characters
 * that it drops; full-width signs count as the plain ones. Such cells get an apostrophe in front.
 */
const FORMULA = /^[\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠]|^[\t\r\n]/u;

function csvRows(rows: readonly Readonly<Record<string, Cell>>[]): string {
  const text = Papa.unparse([...rows], {
    columns: [...csvColumns()],
    header: false,
    escapeFormulae: FORMULA,
    newline: "\r\n",
  });
  return `${text}\r\n`;
}
