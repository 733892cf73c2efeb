import { joinRejected, type Rejected } from "../capture/otlp/rejection.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Span } from "../model/span.ts";
import type { AppendResult } from "../store/port.ts";
import { jsonDocuments, unreadable, type JsonDocument } from "./json-documents.ts";
import { codecOf, sniffFormat, type TraceFormat } from "./trace-format.ts";

/** What an import did: `read` = stored + duplicates + rejected. */
export type ImportReport = AppendResult & {
  readonly path: string;
  readonly format: TraceFormat;
  readonly read: number;
  readonly rejected: readonly Rejected[];
};

/** What is imported and where it goes. */
export type ImportOptions = {
  readonly path: string;
  /** Told by the content when absent. */
  readonly format?: TraceFormat | undefined;
  /** Stores a batch; the store's `append`. */
  readonly onSpans: (spans: readonly Span[]) => Promise<AppendResult>;
};

/** Most spans in one call of `onSpans`. */
const BATCH = 2_000;

/**
 * Imports a trace file: OTLP JSON (one document, or one per line, read as a stream), Tempo, Jaeger or Zipkin JSON,
 * gzipped or not. Of a broken single document nothing is stored; of broken lines the ones before the first bad one.
 * @throws WhetstoneError `input_unreadable` naming the file (and the line): missing, truncated, empty, not of the
 * stated or of any known format; what `onSpans` rejects with passes through
 */
export async function importFile(options: ImportOptions): Promise<ImportReport> {
  const { path } = options;
  const batches = spanBatches(options.onSpans);
  let rejected: Rejected[] = [];
  let read = 0;
  let format: TraceFormat | undefined;
  try {
    for await (const document of jsonDocuments(path)) {
      format = checkedFormat(path, document, format ?? options.format);
      const decoded = codecOf(format).decode(document.value);
      rejected = joinRejected(rejected, decoded.rejected);
      read += decoded.spans.length + decoded.rejected.reduce((sum, { count }) => sum + count, 0);
      await batches.add(decoded.spans);
    }
  } catch (error) {
    // What was read before the bad line is good.
    if (error instanceof WhetstoneError && error.code === "input_unreadable") await batches.flush();
    throw error;
  }
  if (format === undefined) throw unreadable(path, "the file is empty");
  await batches.flush();
  return { path, format, read, ...batches.counts(), rejected };
}

/** The document's format, which must be the expected one where there is one. */
function checkedFormat(path: string, { value, line }: JsonDocument, expected: TraceFormat | undefined): TraceFormat {
  const found = sniffFormat(value);
  if (found === undefined) throw unreadable(path, "no OTLP, Tempo, Jaeger or Zipkin JSON", { line });
  if (expected === undefined) return found;
  if (!codecOf(expected).accepts(value)) throw unreadable(path, `this is ${found} JSON, not ${expected}`, { line });
  return expected;
}

function spanBatches(onSpans: ImportOptions["onSpans"]) {
  const total = { stored: 0, duplicates: 0 };
  let pending: Span[] = [];
  const flush = async (): Promise<void> => {
    const spans = pending;
    pending = [];
    for (let at = 0; at < spans.length; at += BATCH) {
      const { stored, duplicates } = await onSpans(spans.slice(at, at + BATCH));
      total.stored += stored;
      total.duplicates += duplicates;
    }
  };
  const add = async (spans: readonly Span[]): Promise<void> => {
    for (const span of spans) pending.push(span);
    if (pending.length >= BATCH) await flush();
  };
  return { add, flush, counts: (): AppendResult => ({ ...total }) };
}
