import { SPAN_KINDS, SPAN_STATUSES, type Span } from "../model/span.ts";
import { mergeIntoSketch, sketchCount } from "../stats/sketch.ts";
import { inRange } from "./cursor.ts";
import { reportOf } from "./operation-report.ts";
import type { OperationReport, PruneCount, RollupFilter, RollupRow } from "./port.ts";
import { ROLLUP_BATCH } from "./queries/rollups.ts";
import { hourOf, minutesOf, minuteStart, rollupDeltas, type RollupDelta } from "./rollup.ts";
import { memberAt } from "./row.ts";

/** Rollups of the memory store, by minute only. */
export function memoryRollups() {
  const deltas = rollupDeltas<string>();
  const rows = (filter: RollupFilter): RollupRow[] => {
    const { from, to } = minutesOf(filter);
    return deltas
      .all()
      .filter(({ width, slot }) => width === 60 && slot >= from && slot < to)
      .sort((a, b) => a.slot - b.slot)
      .map(({ operation, slot, status, errorType, sketch }) => {
        const [service, name, kind] = JSON.parse(operation) as [string, string, number];
        return {
          service,
          operation: name,
          kind: memberAt(SPAN_KINDS, kind),
          status: memberAt(SPAN_STATUSES, status),
          ...(errorType === undefined ? {} : { errorType }),
          minuteNs: minuteStart(slot),
          count: sketchCount(sketch),
          durations: new Map(sketch),
        };
      })
      .filter((row) => filter.service === undefined || filter.service === row.service)
      .filter((row) => filter.operation === undefined || filter.operation === row.operation);
  };
  const before = (ns: bigint): readonly RollupDelta<string>[] =>
    deltas.all().filter(({ width, slot }) => slot < hourOf(inRange(ns)) * (width === 60 ? 60 : 1));
  return {
    prunable: (ns: bigint): PruneCount => ({ traces: 0, spans: 0, rows: before(ns).length }),
    /** Removes all at once: nobody waits here. */
    prune: (ns: bigint): PruneCount => {
      const removed = before(ns);
      for (const row of removed) if (row.width === 60) deltas.remove(row);
      return { traces: 0, spans: 0, rows: removed.length };
    },
    add: (span: Span): void =>
      deltas.add(JSON.stringify([span.service, span.name, SPAN_KINDS.indexOf(span.kind)]), span),
    report: (filter: RollupFilter): OperationReport =>
      reportOf(
        filter,
        rows(filter).map((row) => ({
          key: JSON.stringify([row.service, row.operation, row.kind]),
          group: () => row,
          isError: row.status === "error",
          count: row.count,
          addTo: (sketch) => mergeIntoSketch(sketch, row.durations),
        })),
      ),
    batches: async function* (filter: RollupFilter): AsyncGenerator<readonly RollupRow[]> {
      const all = rows(filter);
      for (let at = 0; at < all.length; at += ROLLUP_BATCH) yield all.slice(at, at + ROLLUP_BATCH);
    },
  };
}
