import { buildTree } from "../../analyze/tree.ts";
import { renderWaterfall } from "../../analyze/waterfall.ts";
import { EXIT } from "../../model/codes.ts";
import { WhetstoneError } from "../../model/error.ts";
import { formatInstant } from "../../model/time.ts";
import { traceJson, tracePageJson } from "../../model/trace-json.ts";
import { parseFilter } from "../../store/filter-text.ts";
import type { SpanFilter, TracePage } from "../../store/port.ts";
import { systemClock } from "../../wire.ts";
import type { CommonOptions } from "../command.ts";
import type { SearchOptions } from "../commands/traces.ts";
import { openCommandStore } from "../command-store.ts";
import { printJson, type Io } from "../io.ts";
import { coloursOut, formatMs, renderTable } from "../table.ts";

/** `whetstone traces search`. */
export async function runSearch(options: SearchOptions, io: Io): Promise<number> {
  const filter = parseFilter(options, systemClock.now());
  const limit = parseLimit(options.limit);
  await using store = await openCommandStore(options, io, { mustExist: true });
  const page = await store.search(filter, {
    limit,
    ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
  });
  if (options.json) printJson(io, tracePageJson(page));
  else printPage(io, page, filter);
  return EXIT.pass;
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit;
  throw new WhetstoneError("usage", `--limit ${text} is not a whole number from 1 to 1000.`, {
    remedy: "Ask for at most 1000 and page on with --cursor.",
  });
}

function printPage(io: Io, page: TracePage, filter: SpanFilter): void {
  if (page.traces.length === 0) {
    const isFiltered = Object.values(filter).some((value) => value !== undefined);
    io.out(
      isFiltered
        ? "No trace matches. Without filters: whetstone traces search\n"
        : "The store holds no trace yet. `whetstone proxy` records some, `whetstone import` reads files.\n",
    );
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
  await using store = await openCommandStore(options, io, { mustExist: true });
  const spans = await store.trace(id.toLowerCase());
  if (spans.length === 0) {
    throw new WhetstoneError("not_found", `There is no trace ${id} in the store.`, {
      remedy: "List traces with `whetstone traces search`, or name another store with --db.",
    });
  }
  if (options.json) {
    printJson(io, traceJson(id.toLowerCase(), spans));
    return EXIT.pass;
  }
  const lines = renderWaterfall(buildTree(spans), { width: io.columns, colour: coloursOut(io) });
  io.out(`${lines.join("\n")}\n`);
  return EXIT.pass;
}
