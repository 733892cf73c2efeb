import type { Span } from "../model/span.ts";
import { inRange } from "./cursor.ts";
import type { Prunable, PruneCount, StoreExtent } from "./port.ts";
import { tracesOfStep } from "./queries/prune.ts";
import { totalsOfAll } from "./trace-totals.ts";

type Traces = Map<string, Map<string, Span>>;

/** Traces that can be removed, oldest first, with their number of spans. */
export function prunableOf(traces: Traces, { kind, beforeNs }: Prunable) {
  const before = inRange(beforeNs);
  return [...traces]
    .map(([ref, spans]) => ({ ref, spans: spans.size, totals: totalsOfAll([...spans.values()]) }))
    .filter(({ totals }) => (kind === "error") === totals.errors > 0)
    .filter(({ totals }) => totals.startNs < before && totals.endNs < before)
    .sort((a, b) => Number(a.totals.startNs - b.totals.startNs))
    .map(({ ref, spans }) => ({ ref, spans: BigInt(spans) }));
}

/** Removes the traces of one step. */
export function pruneTraces(traces: Traces, what: Prunable): PruneCount {
  const step = tracesOfStep(prunableOf(traces, what), what);
  for (const { ref } of step) traces.delete(ref);
  return countOf(step);
}

/** Traces and spans of a list of prunable ones. */
export const countOf = (rows: readonly { readonly spans: bigint }[]): PruneCount => ({
  traces: rows.length,
  spans: rows.reduce((sum, { spans }) => sum + Number(spans), 0),
  rows: 0,
});

/** The oldest traces; what they take of the process's memory is not known. */
export function extentOf(traces: Traces): StoreExtent {
  const totals = [...traces.values()].map((spans) => totalsOfAll([...spans.values()]));
  const oldest = (kind: "plain" | "error"): { [kind]?: bigint } => {
    const starts = totals.filter(({ errors }) => (kind === "error") === errors > 0).map(({ startNs }) => startNs);
    return starts.length === 0 ? {} : { [kind]: starts.reduce((a, b) => (a < b ? a : b)) };
  };
  return { bytes: 0, oldestNs: { ...oldest("plain"), ...oldest("error") } };
}
