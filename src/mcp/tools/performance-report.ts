import { z } from "zod";
import { performanceReport as reportOf, type ReportedOperation } from "../../analyze/performance-report.ts";
import { SpanKind } from "../../model/span.ts";
import { ServiceName, TimeRange, windowOf, WindowShown } from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { whyNothing } from "../empty.ts";
import { digits, loadSeries, named } from "../series.ts";
import { defineTool, READS } from "../tool.ts";
import { TrendRow, trendRow } from "../trend-rows.ts";

const STEPS = 240;

const Row = z.strictObject({
  service: z.string(),
  operation: z.string(),
  kind: SpanKind,
  calls: z.int(),
  callsBefore: z.int(),
  errors: z.int(),
  errorRate: z.number(),
  errorChange: z.number().nullable().describe("Difference to the window before."),
  timeShare: z.number().describe("Of the time of all operations of its span kind."),
  p50Ms: z.number(),
  p95Ms: z.number(),
  p95Change: z.number().nullable().describe("Relative to the window before."),
});

/** `performance_report`: what a window was like, beside the one before. */
export const performanceReport = defineTool({
  name: "performance_report",
  title: "Performance report",
  description:
    "Reports on a window (default: last 24 hours) beside the equally long one before it, from rollups: operations that take most time, the slowest, the most error-prone, and trends that are sure. For causes use detect_performance_issues or find_root_cause.",
  toolset: "analysis",
  effects: READS,
  needs: "aggregates",
  input: z.strictObject({
    service_name: ServiceName.optional(),
    time_range: TimeRange.optional(),
    top: z.int().min(1).max(50).default(10).describe("Operations per list."),
    max_tokens: MaxTokens,
  }),
  output: z.strictObject({
    window: WindowShown,
    before: WindowShown,
    calls: z.int(),
    errors: z.int(),
    operations: z.int(),
    byTotalTime: z.array(Row),
    slowest: z.array(Row),
    errorProne: z.array(Row),
    trends: z.array(TrendRow),
    ...Envelope,
  }),
  run: async ({ service_name, time_range, top, max_tokens }, context) => {
    const { sinceNs, untilNs } = windowOf(time_range, context.clock.now(), "-24h");
    const both = { sinceNs: 2n * sinceNs - untilNs, untilNs };
    const series = await loadSeries(context, { ...both, service: service_name, steps: 2 * STEPS });
    const { byTotalTime, slowest, errorProne, trends, ...facts } = reportOf({ series, sinceNs, untilNs, top });
    return compose({
      maxTokens: max_tokens,
      facts,
      lists: {
        byTotalTime: sectionOf(byTotalTime, row),
        slowest: sectionOf(slowest, row),
        errorProne: sectionOf(errorProne, row),
        trends: sectionOf(trends, (trend) => trendRow(trend, "summary")),
      },
      hint: facts.operations === 0 ? await whyNothing(await context.store("read")) : undefined,
    });
  },
});

function row(operation: ReportedOperation): z.input<typeof Row> {
  const { kind, calls, callsBefore, errors, errorRate, errorChange, timeShare, p50Ms, p95Ms, p95Change } = operation;
  return {
    ...named(operation),
    kind,
    calls,
    callsBefore,
    errors,
    errorRate: digits(errorRate),
    errorChange: errorChange === null ? null : digits(errorChange.change),
    timeShare: digits(timeShare),
    p50Ms: digits(p50Ms),
    p95Ms: digits(p95Ms),
    p95Change: p95Change === null ? null : digits(p95Change),
  };
}
