import { z } from "zod";
import { formatInstant, parseDuration } from "../../model/time.ts";
import type { MetricAggregation, MetricGroup } from "../../store/metric-port.ts";
import { Cursor, offsetCursor, offsetOf, ServiceName, TimeRange, windowOf } from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { shownAttributes, shownText } from "../shown.ts";
import { defineTool, READS } from "../tool.ts";

const CAPS = { key: 60, value: 80, most: 10 } as const;
/** Groups that paging reaches; a filter on attributes gets at the others. */
const MOST_GROUPS = 500;
/** Steps of a series in one answer. */
const MOST_STEPS = 60;

const Group = z.strictObject({
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  series: z.int(),
  last: z.number().nullable(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  values: z.array(z.number().nullable()).optional().describe("One per step; null where there is no data."),
});

/** `query_metrics`: values of a metric. */
export const queryMetrics = defineTool({
  name: "query_metrics",
  title: "Values of a metric",
  description:
    "Aggregates one metric over the window (default: last hour): rate and sum for counters and histograms, avg, min, max, or a quantile (0.95) for histograms; split by attribute keys with group_by. shape summary gives one value per group, series up to 60 steps. Resets of counters are taken into account.",
  toolset: "metrics",
  effects: READS,
  needs: "aggregates",
  input: z.strictObject({
    metric: z.string().min(1).max(400).describe("Name, as list_metrics shows it."),
    aggregation: z.enum(["rate", "sum", "avg", "min", "max", "quantile"]).default("avg"),
    quantile: z.number().min(0).max(1).default(0.95),
    service_name: ServiceName.optional(),
    attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
    group_by: z.array(z.string().min(1)).max(5).optional(),
    time_range: TimeRange.optional(),
    shape: z.enum(["summary", "series"]).default("summary"),
    step: z
      .string()
      .max(20)
      .optional()
      .describe("Length of a step for shape series, such as 1m; a sixtieth of the window when absent."),
    cursor: Cursor,
    max_tokens: MaxTokens,
  }),
  output: z.strictObject({
    metric: z.string(),
    unit: z.string().optional(),
    since: z.string(),
    stepMs: z.number(),
    groups: z.array(Group),
    ...Envelope,
  }),
  run: async (args, { store, clock }) => {
    const window = windowOf(args.time_range, clock.now(), "-1h");
    const from = offsetOf(args.cursor);
    const { metrics } = await store("read");
    const answer = await metrics.query({
      name: args.metric,
      ...window,
      ...(args.service_name !== undefined && { service: args.service_name }),
      ...(args.attributes !== undefined && { attributes: textsOf(args.attributes) }),
      ...(args.group_by !== undefined && { groupBy: args.group_by }),
      ...(args.shape === "series" && { stepNs: stepOf(args.step, window) }),
      aggregation: aggregationOf(args),
      limit: MOST_GROUPS,
    });
    const page = answer.groups.slice(from);
    return compose({
      maxTokens: args.max_tokens,
      facts: {
        metric: shownText(answer.name, 200),
        ...(answer.unit !== undefined && { unit: shownText(answer.unit, 40) }),
        since: formatInstant(answer.sinceNs),
        stepMs: Number(answer.stepNs) / 1e6,
      },
      lists: { groups: sectionOf(page, (group) => row(group, args.shape), { total: answer.totalGroups }) },
      cursor: offsetCursor(from, page.length),
      before: from,
      how: "Narrow down with attributes; only the first 500 groups can be paged.",
      hint: page.length === 0 ? "No point lies in the window; list_metrics says when the newest one was." : undefined,
    });
  },
});

function aggregationOf({ aggregation, quantile }: { aggregation: string; quantile: number }): MetricAggregation {
  return aggregation === "quantile"
    ? { kind: "quantile", quantile }
    : { kind: aggregation as Exclude<MetricAggregation["kind"], "quantile"> };
}

const textsOf = (attributes: Readonly<Record<string, string | number | boolean>>): Record<string, string> =>
  Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, String(value)]));

/** A step that makes at most 60 of them. */
function stepOf(step: string | undefined, { sinceNs, untilNs }: { sinceNs: bigint; untilNs: bigint }): bigint {
  const least = (untilNs - sinceNs) / BigInt(MOST_STEPS) + 1n;
  const wanted = step === undefined ? least : BigInt(Math.round(parseDuration(step)));
  return wanted < least ? least : wanted;
}

function row({ attributes, series, values }: MetricGroup, shape: "summary" | "series"): z.input<typeof Group> {
  const known = values.filter((value) => value !== null);
  const rounded = values.map((value) => (value === null ? null : Number(value.toPrecision(6))));
  return {
    attributes: shownAttributes(attributes, CAPS).attributes,
    series,
    last: rounded.findLast((value) => value !== null) ?? null,
    min: known.length === 0 ? null : Math.min(...known),
    max: known.length === 0 ? null : Math.max(...known),
    ...(shape === "series" && { values: rounded }),
  };
}
