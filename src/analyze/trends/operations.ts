import { holmAdjusted } from "../../stats/multiple.ts";
import type { OperationSeries, SeriesPoint } from "../series.ts";
import { analyzeTrends, type Trend, type TrendOptions, type TrendPoint } from "./trends.ts";

/** What of an operation is followed over time. */
export type TrendMetric = "p50_ms" | "p95_ms" | "error_rate" | "calls";

/** The trend of one metric of one operation. */
export type OperationTrend = Pick<OperationSeries, "service" | "operation" | "kind"> & {
  readonly metric: TrendMetric;
  readonly trend: Trend;
  /** The slope's p-value, corrected for all operations and metrics (Holm); 1 where there is none. */
  readonly adjustedP: number;
};

type Metric = { readonly scale: "linear" | "log"; readonly value: (point: SeriesPoint) => number | null };

const METRICS: Readonly<Record<TrendMetric, Metric>> = {
  p50_ms: { scale: "log", value: ({ p50Ms }) => p50Ms },
  p95_ms: { scale: "log", value: ({ p95Ms }) => p95Ms },
  error_rate: { scale: "linear", value: ({ calls, errors }) => (calls === 0 ? null : errors / calls) },
  calls: { scale: "linear", value: ({ calls }) => calls },
};

const DAY_NS = 86_400_000_000_000n;

/**
 * Trends of all operations, the surest first; a daily rhythm is looked for. With `metrics` only those. Who shows many
 * operations shows lines with `adjustedP` ≤ alpha and all steps.
 */
export function operationTrends(
  series: readonly OperationSeries[],
  options: Pick<TrendOptions, "alpha"> & { readonly metrics?: readonly TrendMetric[] } = {},
): readonly OperationTrend[] {
  const { alpha = 0.05, metrics = ["p50_ms", "p95_ms", "error_rate", "calls"] } = options;
  const found = series.flatMap((one) =>
    metrics.map((metric) => ({ ...nameOf(one), metric, trend: trendOf(one, metric, alpha) })),
  );
  const adjusted = holmAdjusted(
    found.map(({ trend }) => (trend.p === null ? { p: 1, least: 1 } : { p: trend.p, least: 0 })),
    alpha,
  );
  const rank = ({ trend }: { readonly trend: Trend }): number => (trend.changePoints.length > 0 ? 0 : 1);
  return found
    .map((row, i) => ({ ...row, adjustedP: adjusted[i] ?? 1 }))
    .sort((a, b) => a.adjustedP - b.adjustedP || rank(a) - rank(b));
}

const nameOf = ({ service, operation, kind }: OperationSeries) => ({ service, operation, kind });

function trendOf({ stepNs, points }: OperationSeries, metric: TrendMetric, alpha: number): Trend {
  const { scale, value } = METRICS[metric];
  const timed: TrendPoint[] = points.map((point) => ({
    timeMs: Number(point.startNs / 1_000_000n),
    value: value(point),
  }));
  return analyzeTrends(timed, { alpha, scale, periodSteps: Number(DAY_NS / stepNs) });
}
