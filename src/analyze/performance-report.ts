import type { Interval } from "../model/finding.ts";
import type { SpanKind } from "../model/span.ts";
import { formatInstant } from "../model/time.ts";
import { proportionDifferenceInterval, wilsonInterval } from "../stats/proportion.ts";
import { compareText } from "./parents.ts";
import { shareOf, sum } from "./rating.ts";
import type { OperationSeries, SeriesPoint } from "./series.ts";
import { operationTrends, type OperationTrend } from "./trends/operations.ts";

/** One operation in the window of a report, beside the window before. */
export type ReportedOperation = {
  readonly service: string;
  readonly operation: string;
  readonly kind: SpanKind;
  readonly calls: number;
  readonly callsBefore: number;
  readonly errors: number;
  readonly errorRate: number;
  readonly errorInterval: Interval;
  /** Difference to the window before, with Newcombe's interval; null where there was no call. */
  readonly errorChange: { readonly change: number; readonly interval: Interval } | null;
  /** Sum of all durations, ms, and its share of all operations of the same span kind. */
  readonly totalMs: number;
  readonly timeShare: number;
  /** Medians over the steps of the window, weighted by calls. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** Relative to the window before; null where there was no call. */
  readonly p95Change: number | null;
};

/** What a window was like, from rollups. Lists hold at most `top` operations, the worst first. */
export type PerformanceReport = {
  readonly window: { readonly since: string; readonly until: string };
  readonly before: { readonly since: string; readonly until: string };
  readonly calls: number;
  readonly errors: number;
  readonly operations: number;
  readonly byTotalTime: readonly ReportedOperation[];
  readonly slowest: readonly ReportedOperation[];
  /** Those whose error rate's lower end is highest; none without an error. */
  readonly errorProne: readonly ReportedOperation[];
  /** Sure lines and steps over both windows, see {@link operationTrends}. */
  readonly trends: readonly OperationTrend[];
};

/** Series over the window and the one before it, of equal length. */
export type ReportRequest = {
  /** From {@link collectSeries} over both windows. */
  readonly series: readonly OperationSeries[];
  /** Start of the window, ns since the Unix epoch; what is earlier is the window before. */
  readonly sinceNs: bigint;
  /** End of the window. */
  readonly untilNs: bigint;
  /** Operations per list; default 10. */
  readonly top?: number;
};

const LEVEL = 0.95;

/** The report of a window: where the time goes, what is slow, what fails, and what is changing. */
export function performanceReport({ series: given, sinceNs, untilNs, top = 10 }: ReportRequest): PerformanceReport {
  // Sums of fractions depend on their order, the report must not.
  const series = given.toSorted(byName);
  const times = Map.groupBy(series, ({ kind }) => kind);
  const timeOf = (kind: SpanKind): number =>
    sum((times.get(kind) ?? []).map(({ points }) => sum(after(points, sinceNs).map(({ totalMs }) => totalMs))));
  const kinds = new Map([...times.keys()].map((kind) => [kind, timeOf(kind)]));
  const operations = series.flatMap((one) => reported(one, sinceNs, kinds.get(one.kind) ?? 0));
  const lists = (order: (a: ReportedOperation, b: ReportedOperation) => number): readonly ReportedOperation[] =>
    operations.toSorted((a, b) => order(a, b) || byName(a, b)).slice(0, top);
  return {
    window: { since: formatInstant(sinceNs), until: formatInstant(untilNs) },
    before: { since: formatInstant(2n * sinceNs - untilNs), until: formatInstant(sinceNs) },
    calls: sum(operations.map(({ calls }) => calls)),
    errors: sum(operations.map(({ errors }) => errors)),
    operations: operations.length,
    byTotalTime: lists((a, b) => b.totalMs - a.totalMs),
    slowest: lists((a, b) => b.p95Ms - a.p95Ms),
    errorProne: lists((a, b) => b.errorInterval.low - a.errorInterval.low).filter(({ errors }) => errors > 0),
    trends: operationTrends(series).filter(isSure).slice(0, top),
  };
}

const after = (points: readonly SeriesPoint[], sinceNs: bigint): readonly SeriesPoint[] =>
  points.filter(({ startNs }) => startNs >= sinceNs);

const isSure = ({ adjustedP, trend }: OperationTrend): boolean =>
  trend.changePoints.length > 0 || (trend.shape === "line" && adjustedP <= 1 - LEVEL);

function reported(
  { points, service, operation, kind }: OperationSeries,
  sinceNs: bigint,
  kindMs: number,
): ReportedOperation[] {
  const now = after(points, sinceNs);
  const earlier = points.filter(({ startNs }) => startNs < sinceNs);
  const [calls, callsBefore] = [callsIn(now), callsIn(earlier)];
  if (calls === 0) return [];
  const errors = sum(now.map((point) => point.errors));
  const rates = {
    now: { successes: errors, trials: calls },
    before: { successes: sum(earlier.map((point) => point.errors)), trials: callsBefore },
  };
  const p95Before = weightedMedian(earlier, ({ p95Ms }) => p95Ms);
  const p95Ms = weightedMedian(now, (point) => point.p95Ms) ?? 0;
  const totalMs = sum(now.map((point) => point.totalMs));
  return [
    {
      service,
      operation,
      kind,
      calls,
      callsBefore,
      errors,
      totalMs,
      p95Ms,
      errorRate: errors / calls,
      errorInterval: wilsonInterval(rates.now, LEVEL),
      errorChange: callsBefore === 0 ? null : errorChange(rates),
      timeShare: shareOf(totalMs, kindMs),
      p50Ms: weightedMedian(now, ({ p50Ms }) => p50Ms) ?? 0,
      p95Change: p95Before === null || p95Before === 0 ? null : p95Ms / p95Before - 1,
    },
  ];
}

type Rate = { readonly successes: number; readonly trials: number };

function errorChange({ now, before }: { readonly now: Rate; readonly before: Rate }): ReportedOperation["errorChange"] {
  const change = now.successes / now.trials - before.successes / before.trials;
  return { change, interval: proportionDifferenceInterval(before, now, LEVEL) };
}

const callsIn = (points: readonly SeriesPoint[]): number => sum(points.map(({ calls }) => calls));

/** The value at which half of the calls are reached; null without a call. */
function weightedMedian(points: readonly SeriesPoint[], value: (point: SeriesPoint) => number | null): number | null {
  const sorted = points
    .flatMap((point) => {
      const own = value(point);
      return own === null ? [] : [{ value: own, calls: point.calls }];
    })
    .sort((a, b) => a.value - b.value);
  const half = sum(sorted.map(({ calls }) => calls)) / 2;
  let reached = 0;
  return sorted.find(({ calls }) => (reached += calls) >= half)?.value ?? null;
}

type Named = Pick<OperationSeries, "service" | "operation" | "kind">;

const byName = (a: Named, b: Named): number =>
  compareText(a.service, b.service) || compareText(a.operation, b.operation) || compareText(a.kind, b.kind);
