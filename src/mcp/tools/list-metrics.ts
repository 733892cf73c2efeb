import { z } from "zod";
import { MetricType } from "../../model/metric.ts";
import { formatInstant } from "../../model/time.ts";
import type { MetricSummary } from "../../store/metric-port.ts";
import { Cursor, Detail, offsetCursor, offsetOf, ServiceName, TimeRange, windowOf } from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { HOW_TO_FILL } from "../empty.ts";
import { shownName, shownText } from "../shown.ts";
import { defineTool, READS } from "../tool.ts";

const Row = z.strictObject({
  name: z.string(),
  service: z.string(),
  type: MetricType,
  unit: z.string(),
  series: z.int(),
  description: z.string().optional(),
  attributeKeys: z.array(z.string()).optional().describe("Keys for attributes and group_by, at most 20."),
  last: z.string().describe("Time of the newest point."),
});

const MOST = 1_000;

/** `list_metrics`: which metrics there are. */
export const listMetrics = defineTool({
  name: "list_metrics",
  title: "Metrics",
  description:
    "Lists the metrics with points in the window (default: last 24 hours) by name, service, unit and type. detail full adds description and attribute keys. Values come from query_metrics. Metrics are what was received by `whetstone collect`, not computed from traces.",
  toolset: "metrics",
  effects: READS,
  needs: "aggregates",
  input: z.strictObject({
    service_name: ServiceName.optional(),
    time_range: TimeRange.optional(),
    detail: Detail,
    cursor: Cursor,
    max_tokens: MaxTokens,
  }),
  output: z.strictObject({ metrics: z.array(Row), ...Envelope }),
  run: async ({ service_name, time_range, detail, cursor, max_tokens }, { store, clock }) => {
    const window = windowOf(time_range, clock.now(), "-24h");
    const filter = { ...window, ...(service_name !== undefined && { service: service_name }) };
    const from = offsetOf(cursor);
    const { metrics } = await store("read");
    const { metrics: all, total } = await metrics.list(filter, { limit: MOST });
    const page = all.slice(from);
    return compose({
      maxTokens: max_tokens,
      facts: {},
      lists: { metrics: sectionOf(page, (summary) => row(summary, detail), { total }) },
      cursor: offsetCursor(from, page.length),
      before: from,
      hint: all.length === 0 ? `No metric has a point in the window. ${HOW_TO_FILL}` : undefined,
    });
  },
});

function row(summary: MetricSummary, detail: "summary" | "full"): z.input<typeof Row> {
  const { name, service, type, unit, series, description, attributeKeys, lastNs } = summary;
  return {
    name: shownName(name),
    service: shownName(service),
    type,
    unit: shownText(unit, 40),
    series,
    ...(detail === "full" && description !== undefined && { description: shownText(description, 200) }),
    ...(detail === "full" && { attributeKeys: attributeKeys.slice(0, 20).map((key) => shownText(key, 60)) }),
    last: formatInstant(lastNs),
  };
}
