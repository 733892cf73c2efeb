import { z } from "zod";
import type { OperationTrend } from "../analyze/trends/operations.ts";
import { SpanKind } from "../model/span.ts";
import { formatInstant } from "../model/time.ts";
import { digits, named } from "./series.ts";
import { shownText } from "./shown.ts";

/** What one metric of one operation does over time, in an answer. */
export const TrendRow = z.strictObject({
  service: z.string(),
  operation: z.string(),
  kind: SpanKind,
  metric: z.enum(["p50_ms", "p95_ms", "error_rate", "calls"]),
  shape: z.enum(["flat", "line", "steps", "unknown"]),
  slopePerHour: z.number().nullable().describe("Latencies: relative (0.01 = 1 % per hour); others: in their unit."),
  adjustedP: z.number().describe("Of the slope, corrected for all rows."),
  changePoints: z
    .array(z.strictObject({ at: z.string(), before: z.number(), after: z.number(), change: z.number() }))
    .describe("At most 5."),
  daily: z.boolean().describe("Whether it repeats itself daily."),
  notes: z.array(z.string()).optional(),
});

/** A trend for an answer; `full` has its notes. */
export function trendRow(row: OperationTrend, detail: "summary" | "full"): z.input<typeof TrendRow> {
  const { trend, kind, metric, adjustedP } = row;
  return {
    ...named(row),
    kind,
    metric,
    shape: trend.shape,
    slopePerHour: trend.slopePerHour === null ? null : digits(trend.slopePerHour),
    adjustedP: digits(adjustedP),
    changePoints: trend.changePoints.slice(0, 5).map(({ timeMs, before, after, change }) => ({
      at: formatInstant(BigInt(Math.round(timeMs)) * 1_000_000n),
      before: digits(before),
      after: digits(after),
      change: digits(change),
    })),
    daily: trend.season?.state === "present",
    ...(detail === "full" && { notes: trend.notes.slice(0, 4).map((note) => shownText(note, 200)) }),
  };
}
