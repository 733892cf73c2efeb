import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { groupTraces, type TraceTree } from "../analyze/tree.ts";
import { importFile } from "../backends/import-file.ts";
import { requireRoom, windowSpans } from "../loop/window-spans.ts";
import { countOf } from "../model/count-of.ts";
import { WhetstoneError } from "../model/error.ts";
import type { Span } from "../model/span.ts";
import { formatInstant, parseInstant } from "../model/time.ts";
import type { SpanStore } from "../store/port.ts";

/** What a SRC of the command line names: a trace file, or a window of the store (ns since the Unix epoch). */
export type TraceSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "window"; readonly sinceNs: bigint; readonly untilNs: bigint };

/** What reading a source needs; the store is opened only for windows. */
export type TraceSourceContext = {
  readonly cwd: string;
  /** ns since the Unix epoch: what relative times count from. */
  readonly now: bigint;
  /** The store, which the reader closes. */
  readonly openStore: () => Promise<SpanStore>;
};

/** The traces of one or several sources together. */
export type TraceSet = {
  /** The sources as they were given, for people. */
  readonly label: string;
  /** By start, ties by trace id; at least one. */
  readonly traces: readonly TraceTree[];
  /** One line each: what was left out, and why. */
  readonly notes: readonly string[];
};

/** What begins like a time; a path may hold `..` too. */
const WINDOW = /^(-\d.*?|\d{4}-\d{2}-\d{2}.*?)\.\.(.*)$/;

/**
 * Parses a SRC: `FROM..TO` with RFC 3339 or relative times (`-2h..-1h`; TO may be left out or `now`), anything else is
 * the path of a trace file. A file of that very name wins.
 * @throws WhetstoneError `usage` for a malformed or reversed window
 */
export function parseTraceSource(text: string, { cwd, now }: Pick<TraceSourceContext, "cwd" | "now">): TraceSource {
  const path = resolve(cwd, text);
  const [, from, to = ""] = WINDOW.exec(text) ?? [];
  if (from === undefined || existsSync(path)) return { kind: "file", path };
  const sinceNs = parseInstant(from, now);
  const untilNs = to === "" || to === "now" ? now : parseInstant(to, now);
  if (sinceNs < untilNs) return { kind: "window", sinceNs, untilNs };
  throw new WhetstoneError("usage", `The window ${text} ends before it starts.`, {
    remedy: "Write FROM..TO with the earlier time first, such as -2h..-1h.",
  });
}

/**
 * Reads all traces of one or several sources. Files: any format of `whetstone import`, gzipped or not, in one format
 * each. Windows: the whole traces that start in them, without those of canaries and tried changes.
 * @throws WhetstoneError `usage` (malformed, reversed, too much), `input_unreadable` (missing, broken or foreign file),
 * `not_found` (no trace in it), and what opening and reading the store rejects with
 */
export async function readTraceSource(
  given: string | readonly string[],
  context: TraceSourceContext,
): Promise<TraceSet> {
  const texts = typeof given === "string" ? [given] : given;
  const sources = texts.map((text) => ({ text, source: parseTraceSource(text, context) }));
  const spans: Span[] = [];
  const notes: string[] = [];
  for (const { text, source } of sources) {
    const read = source.kind === "file" ? await readFile(source.path, text) : await readWindow(source, context);
    if (read.spans.length === 0) throw nothingIn(text, source);
    notes.push(...read.notes);
    for (const span of read.spans) spans.push(span);
    requireRoom(spans.length, text);
  }
  const traces = groupTraces(spans);
  const copies = traces.reduce((sum, { duplicates }) => sum + duplicates, 0);
  if (copies > 0) notes.push(`${countOf(copies, "copy", "copies")} of spans left out.`);
  return { label: texts.join(", "), traces, notes };
}

type Read = { readonly spans: readonly Span[]; readonly notes: readonly string[] };

async function readFile(path: string, text: string): Promise<Read> {
  const spans: Span[] = [];
  const onSpans = async (batch: readonly Span[]) => {
    for (const span of batch) spans.push(span);
    requireRoom(spans.length, text);
    return { stored: batch.length, duplicates: 0 };
  };
  try {
    const { rejected } = await importFile({ path, onSpans });
    return {
      spans,
      notes: rejected.map(({ reason, count }) => `${text}: ${countOf(count, "span")} left out: ${reason}.`),
    };
  } catch (error) {
    throw error instanceof WhetstoneError && error.code === "input_unreadable" ? ofFile(error) : error;
  }
}

/** Nothing is stored here, so the remedy of an import would mislead. */
function ofFile(error: WhetstoneError): WhetstoneError {
  return new WhetstoneError("input_unreadable", error.message, {
    remedy: "Give a complete OTLP, Tempo, Jaeger or Zipkin v2 JSON file, or a window of the store such as -2h..-1h.",
    cause: error,
    data: error.data,
  });
}

/** Whole traces of the store, see {@link windowSpans}. */
async function readWindow(
  { sinceNs, untilNs }: Extract<TraceSource, { kind: "window" }>,
  context: TraceSourceContext,
): Promise<Read> {
  await using store = await context.openStore();
  const { spans, ofCanaries } = await windowSpans(store, { sinceNs, untilNs });
  return {
    spans,
    notes: ofCanaries === 0 ? [] : [`${countOf(ofCanaries, "trace")} of canaries and tried changes left out.`],
  };
}

function nothingIn(text: string, source: TraceSource): WhetstoneError {
  if (source.kind === "file") {
    return new WhetstoneError("not_found", `${text} holds no trace.`, { remedy: "Give a file with spans." });
  }
  const window = `${formatInstant(source.sinceNs)} to ${formatInstant(source.untilNs)}`;
  return new WhetstoneError("not_found", `No trace of the store starts in ${text} (${window}).`, {
    remedy: "See what there is with `whetstone traces search`, or name another store with --db.",
  });
}
