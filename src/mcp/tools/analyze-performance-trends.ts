import { z } from "zod";
import { operationTrends, type OperationTrend } from "../../analyze/trends/operations.ts";
import { Detail, OperationName, ServiceName, shownWindow, TimeRange, windowOf, WindowShown } from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { whyNothing } from "../empty.ts";
import { loadSeries } from "../series.ts";
import { defineTool, READS } from "../tool.ts";
import { TrendRow, trendRow } from "../trend-rows.ts";

/** Steps that a window is cut into. */
const STEPS = 200;

/** `analyze_performance_trends`: what changes over days. */
export const analyzePerformanceTrends = defineTool({
  name: "analyze_performance_trends",
  title: "Trends of operations",
  description:
    "Finds slow changes and sudden steps of latency, error rate and calls per operation over a period (default: last 7 days), from rollups, with change points and a correction for many operations. summary: only what changed for sure. full: every row. Fewer than 10 steps with calls decide nothing (shape unknown).",
  toolset: "analysis",
  effects: READS,
  needs: "aggregates",
  input: z.strictObject({
    service_name: ServiceName.optional(),
    operation: OperationName.optional(),
    time_period: TimeRange.optional(),
    metrics: z
      .array(z.enum(["p50_ms", "p95_ms", "error_rate", "calls"]))
      .min(1)
      .optional(),
    detail: Detail,
    max_tokens: MaxTokens,
  }),
  output: z.strictObject({
    window: WindowShown,
    stepMinutes: z.number(),
    analysed: z.int().describe("Rows in all: metrics times operations."),
    unknown: z.int().describe("Rows with too few values."),
    trends: z.array(TrendRow),
    ...Envelope,
  }),
  run: async ({ service_name, operation, time_period, metrics, detail, max_tokens }, context) => {
    const window = windowOf(time_period, context.clock.now(), "-7d");
    const loaded = await loadSeries(context, { ...window, service: service_name, operation, steps: STEPS });
    // A step that is not over would look like a fall of its calls.
    const series = loaded.map(({ points, ...rest }) => ({
      ...rest,
      points: points.filter(({ startNs }) => startNs + rest.stepNs <= window.untilNs),
    }));
    const all = operationTrends(series, metrics === undefined ? {} : { metrics });
    const rows = all.filter((row) => detail === "full" || isSure(row));
    return compose({
      maxTokens: max_tokens,
      facts: {
        window: shownWindow(window),
        stepMinutes: Number((series[0]?.stepNs ?? 0n) / 60_000_000_000n),
        analysed: all.length,
        unknown: all.filter(({ trend }) => trend.shape === "unknown").length,
      },
      lists: { trends: sectionOf(rows, (row) => trendRow(row, detail)) },
      hint:
        all.length === 0
          ? await whyNothing(await context.store("read"))
          : rows.length === 0
            ? "Nothing changed for sure in this period."
            : undefined,
    });
  },
});

const isSure = ({ adjustedP, trend }: OperationTrend): boolean =>
  trend.changePoints.length > 0 || (trend.shape === "line" && adjustedP <= 0.05);
