import { buildTree, type TraceTree } from "../analyze/tree.ts";
import { ATTR } from "../model/span.ts";
import type { TraceSummary } from "../store/port.ts";
import type { TimeWindow } from "./arguments.ts";
import { boundNames } from "./bound-names.ts";
import { whyNothing } from "./empty.ts";
import { namesInStore } from "./names.ts";
import type { ToolContext } from "./tool.ts";

/** Most spans and traces that one call looks at: what is analysed in about a second. */
const MOST_SPANS = 200_000;
const MOST_TRACES = 5_000;
/** Traces that are read at the same time. */
const AT_ONCE = 8;

/** Traces that a tool looks at, newest first, and what it does not see. */
export type Population = {
  readonly traces: readonly TraceTree[];
  /** Traces that match, of which `traces` may be the newest. */
  readonly found: number;
  readonly notes: readonly string[];
};

/** Which traces: those that start in a window and in which a service has a span. */
export type PopulationRequest = TimeWindow & {
  readonly service?: string | undefined;
  /** Names as they are, for specifications; else bounded, see `bound-names.ts`. */
  readonly exactNames?: boolean;
};

/** Loads whole traces, the newest as far as they may be; those of canaries and tried changes are left out. */
export async function loadPopulation(context: ToolContext, request: PopulationRequest): Promise<Population> {
  const store = await context.store("read");
  const { rows, isCut } = await summaries(context, request);
  const traces: TraceTree[] = [];
  let canaries = 0;
  for (let at = 0; at < rows.length; at += AT_ONCE) {
    context.signal.throwIfAborted();
    const batch = await Promise.all(rows.slice(at, at + AT_ONCE).map(({ traceId }) => store.trace(traceId)));
    for (const spans of batch) {
      // A trace may have been removed since it was found.
      if (spans.some(({ resource }) => resource[ATTR.arm] === "canary")) canaries += 1;
      else if (spans.length > 0) traces.push(buildTree(request.exactNames === true ? spans : boundNames(spans)));
    }
    context.progress(Math.min(at + AT_ONCE, rows.length), "traces read", rows.length);
  }
  const notes = [
    ...(canaries > 0 ? [`${canaries} traces of canaries and tried changes are left out.`] : []),
    ...(isCut ? [`Only the newest ${rows.length} traces are looked at; a shorter time_range shows older ones.`] : []),
    ...(rows.length === 0 ? [await whyNothing(store)] : []),
  ];
  return { traces, found: rows.length, notes };
}

async function summaries(
  context: ToolContext,
  { service, sinceNs, untilNs }: PopulationRequest,
): Promise<{ rows: readonly TraceSummary[]; isCut: boolean }> {
  const store = await context.store("read");
  const names = service === undefined ? {} : await namesInStore(store, { service });
  const rows: TraceSummary[] = [];
  let spans = 0;
  let cursor: string | undefined;
  do {
    context.signal.throwIfAborted();
    const page = await store.search(
      { sinceNs, untilNs, ...names },
      { limit: 1_000, ...(cursor !== undefined && { cursor }) },
    );
    for (const row of page.traces) {
      spans += row.spans;
      if (rows.length > 0 && (spans > MOST_SPANS || rows.length >= MOST_TRACES)) return { rows, isCut: true };
      rows.push(row);
    }
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { rows, isCut: false };
}
