import type { SpanKind } from "../../model/span.ts";
import { sketchBin, type Sketch } from "../../stats/sketch.ts";
import type { RollupRow } from "../../store/port.ts";
import { addCounts, NO_CALLS, type Objective, type SliCounts } from "./objective.ts";

/** What of a rollup an objective counts. */
export type CountedRow = Pick<
  RollupRow,
  "service" | "operation" | "kind" | "status" | "minuteNs" | "count" | "durations"
>;

/** The calls of one objective, by start of the minute, ns since the Unix epoch. */
export type MinuteCounts = ReadonlyMap<bigint, SliCounts>;

/** Which spans are a service's calls: those it served; where it has none, those it made; else all. */
const PREFERENCE: readonly (readonly SpanKind[])[] = [["server", "consumer"], ["client", "producer"], ["internal"]];

/**
 * Collects what an objective counts from rollups, in any order. A call is bad by status `error` (availability) or by a
 * duration above the threshold (latency), for which the sketch tells all but those in the threshold's own bin, 2 % wide.
 */
export function countCalls(objective: Objective) {
  const byKind = new Map<SpanKind, Map<bigint, SliCounts>>();
  const isCounted = ({ service, operation }: CountedRow): boolean =>
    service === objective.service && (objective.operation === undefined || operation === objective.operation);
  return {
    add: (row: CountedRow): void => {
      if (!isCounted(row)) return;
      const minutes = byKind.get(row.kind) ?? new Map<bigint, SliCounts>();
      byKind.set(row.kind, minutes);
      minutes.set(row.minuteNs, addCounts(minutes.get(row.minuteNs) ?? NO_CALLS, countsOf(row, objective)));
    },
    minutes: (): MinuteCounts => {
      const kinds = PREFERENCE.find((wanted) => wanted.some((kind) => byKind.has(kind))) ?? [];
      const merged = new Map<bigint, SliCounts>();
      for (const kind of kinds) {
        for (const [minute, counts] of byKind.get(kind) ?? []) {
          merged.set(minute, addCounts(merged.get(minute) ?? NO_CALLS, counts));
        }
      }
      return merged;
    },
  };
}

function countsOf({ status, count, durations }: CountedRow, { sli, thresholdNs = Infinity }: Objective): SliCounts {
  if (sli === "availability") return { total: count, bad: status === "error" ? count : 0, uncertain: 0 };
  const { above, within } = beyond(durations, thresholdNs);
  return { total: count, bad: above, uncertain: within };
}

/** How many numbers of a sketch lie above a threshold, and how many in the bin that holds it. */
function beyond(sketch: Sketch, threshold: number): { readonly above: number; readonly within: number } {
  const edge = sketchBin(threshold);
  let [above, within] = [0, 0];
  for (const [bin, count] of sketch) {
    if (bin > edge) above += count;
    else if (bin === edge) within += count;
  }
  return { above, within };
}

/** The calls that started from `sinceNs` on and before `untilNs`, by whole minutes. */
export function sumCounts(minutes: MinuteCounts, sinceNs: bigint, untilNs: bigint): SliCounts {
  let sum = NO_CALLS;
  for (const [minuteNs, counts] of minutes) {
    if (minuteNs >= sinceNs && minuteNs < untilNs) sum = addCounts(sum, counts);
  }
  return sum;
}
