import type { SpanKind } from "../model/span.ts";
import { mergeIntoSketch, sketchQuantiles, sketchSum } from "../stats/sketch.ts";
import type { RollupRow } from "../store/port.ts";
import { compareText } from "./parents.ts";

/** Calls of one operation in one step of time. Latencies are null where there was no call. */
export type SeriesPoint = {
  /** Start of the step, ns since the Unix epoch. */
  readonly startNs: bigint;
  readonly calls: number;
  /** Calls with the status `error`. */
  readonly errors: number;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  /** Sum of all durations, ms. */
  readonly totalMs: number;
};

/** One operation over time: a point for every step of the window, without calls too. */
export type OperationSeries = {
  readonly service: string;
  readonly operation: string;
  readonly kind: SpanKind;
  readonly stepNs: bigint;
  readonly points: readonly SeriesPoint[];
};

/** A window in equal steps, whole minutes each; the last one may reach beyond `untilNs`. */
export type SeriesWindow = { readonly sinceNs: bigint; readonly untilNs: bigint; readonly stepNs: bigint };

/** What of a rollup a series takes. */
export type SeriesRow = Pick<
  RollupRow,
  "service" | "operation" | "kind" | "status" | "minuteNs" | "count" | "durations"
>;

type Step = { calls: number; errors: number; readonly durations: Map<number, number> };
type Collected = Pick<OperationSeries, "service" | "operation" | "kind"> & { readonly steps: Map<number, Step> };

/**
 * Collects series from rollups, in any order, batch by batch: `add` each row, then `series` for all operations by service,
 * operation and kind. Rows outside the window are left out. Quantiles are within 1 % (the sketches merge exactly).
 */
export function collectSeries({ sinceNs, untilNs, stepNs }: SeriesWindow) {
  const operations = new Map<string, Collected>();
  return {
    add: (row: SeriesRow): void => {
      if (row.minuteNs < sinceNs || row.minuteNs >= untilNs) return;
      const { service, operation, kind } = row;
      const key = JSON.stringify([service, operation, kind]);
      const own = operations.get(key) ?? { service, operation, kind, steps: new Map<number, Step>() };
      operations.set(key, own);
      addToStep(own.steps, Number((row.minuteNs - sinceNs) / stepNs), row);
    },
    series: (): readonly OperationSeries[] => {
      const count = Number((untilNs - sinceNs + stepNs - 1n) / stepNs);
      return [...operations.values()].sort(byName).map(({ steps, ...name }) => ({
        ...name,
        stepNs,
        points: Array.from({ length: count }, (_, i) => pointOf(steps.get(i), sinceNs + BigInt(i) * stepNs)),
      }));
    },
  };
}

function addToStep(steps: Map<number, Step>, at: number, row: SeriesRow): void {
  const step = steps.get(at) ?? { calls: 0, errors: 0, durations: new Map<number, number>() };
  steps.set(at, step);
  step.calls += row.count;
  if (row.status === "error") step.errors += row.count;
  mergeIntoSketch(step.durations, row.durations);
}

function pointOf(step: Step | undefined, startNs: bigint): SeriesPoint {
  if (step === undefined) return { startNs, calls: 0, errors: 0, p50Ms: null, p95Ms: null, totalMs: 0 };
  const { calls, errors, durations } = step;
  const [p50 = 0, p95 = 0] = sketchQuantiles(durations, [0.5, 0.95]);
  return { startNs, calls, errors, p50Ms: p50 / 1e6, p95Ms: p95 / 1e6, totalMs: sketchSum(durations) / 1e6 };
}

const byName = (a: Collected, b: Collected): number =>
  compareText(a.service, b.service) || compareText(a.operation, b.operation) || compareText(a.kind, b.kind);
