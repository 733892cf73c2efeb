import { spanJson } from "../../backends/span-json.ts";
import { buildTree } from "../../analyze/tree.ts";
import { renderWaterfall } from "../../analyze/waterfall.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import { formatInstant, parseDuration, parseInstant } from "../../model/time.ts";
import type { SpanFilter, TracePage } from "../../store/port.ts";
import { openSpanStore, systemClock } from "../../wire.ts";
import type { CommonOptions } from "../command.ts";
import type { FilterOptions, SearchOptions } from "../commands/traces.ts";
import { printJson, type Io } from "../io.ts";
import { coloursOut, formatMs, renderTable } from "../table.ts";

/** `whetstone traces search`. */
export async function runSearch(options: SearchOptions, io: Io): Promise<number> {
  const filter = parseFilter(options, systemClock.now());
  const limit = parseLimit(options.limit);
  await using store = await openSpanStore({ ...options, cwd: io.cwd, mustExist: true }, io.env);
  const page = await store.search(filter, {
    limit,
    ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
  });
  if (options.json) printJson(io, toJson(page));
  else printPage(io, page);
  return EXIT.pass;
}

/** The filter that the flags describe. @throws WhetstoneError `usage` */
export function parseFilter(options: FilterOptions, now: bigint): SpanFilter {
  const { service, operation, status } = options;
  const since = options.since === undefined ? undefined : parseInstant(options.since, now);
  const until = options.until === undefined ? undefined : parseInstant(options.until, now);
  if (since !== undefined && until !== undefined && since >= until) {
    throw new WhetstoneError("usage", "--since is not before --until.", { remedy: "Swap the two times." });
  }
  return {
    ...(service === undefined ? {} : { service }),
    ...(operation === undefined ? {} : { operation }),
    ...(status === undefined ? {} : { status }),
    ...(options.attr.length === 0 ? {} : { attributes: Object.fromEntries(options.attr.map(parseAttribute)) }),
    ...(options.minDuration === undefined ? {} : { minDurationNs: parseDuration(options.minDuration) }),
    ...(options.maxDuration === undefined ? {} : { maxDurationNs: parseDuration(options.maxDuration) }),
    ...(since === undefined ? {} : { sinceNs: since }),
    ...(until === undefined ? {} : { untilNs: until }),
  };
}

function parseAttribute(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  if (at < 1) {
    throw new WhetstoneError("usage", `--attr "${text}" is not key=value.`, {
      remedy: "Write --attr gen_ai.tool.name=search.",
    });
  }
  return [text.slice(0, at), text.slice(at + 1)];
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit;
  throw new WhetstoneError("usage", `--limit ${text} is not a whole number from 1 to 1000.`, {
    remedy: "Ask for at most 1000 and page on with --cursor.",
  });
}

function toJson(page: TracePage): unknown {
  const traces = page.traces.map(({ startNs, durationNs, ...rest }) => ({
    ...rest,
    start: formatInstant(startNs),
    durationMs: durationNs / 1e6,
  }));
  const next = page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor };
  return { traces, ...(page.total === undefined ? {} : { total: page.total }), returned: traces.length, ...next };
}

function printPage(io: Io, page: TracePage): void {
  if (page.traces.length === 0) {
    io.out("No trace matches. Without filters: whetstone traces search\n");
    return;
  }
  const rows = page.traces.map((trace) => [
    trace.traceId,
    formatInstant(trace.startNs),
    trace.rootService,
    trace.rootOperation,
    formatMs(trace.durationNs / 1e6),
    String(trace.spans),
    String(trace.errors),
  ]);
  io.out(renderTable(["trace", "start", "service", "operation", "duration", "spans", "errors"], rows));
  io.out(page.total === undefined ? `${page.traces.length} traces.` : `${page.traces.length} of ${page.total} traces.`);
  io.out(page.nextCursor === undefined ? "\n" : ` Next page: --cursor ${page.nextCursor}\n`);
}

/** `whetstone traces show`. */
export async function runShow(id: string, options: CommonOptions, io: Io): Promise<number> {
  await using store = await openSpanStore({ ...options, cwd: io.cwd, mustExist: true }, io.env);
  const spans = await store.trace(id.toLowerCase());
  if (spans.length === 0) {
    throw new WhetstoneError("not_found", `There is no trace ${id} in the store.`, {
      remedy: "List traces with `whetstone traces search`, or name another store with --db.",
    });
  }
  if (options.json) {
    printJson(io, { traceId: id.toLowerCase(), spans: spans.map(spanJson) });
    return EXIT.pass;
  }
  const lines = renderWaterfall(buildTree(spans), { width: io.columns, colour: coloursOut(io) });
  io.out(`${lines.join("\n")}\n`);
  return EXIT.pass;
}
