import { z } from "zod";
import type { MetricAnswer, MetricPage } from "../store/metric-port.ts";
import { Instant } from "./json.ts";
import { MetricType, Temporality } from "./metric.ts";
import { Attributes, SpanId, TraceId } from "./span.ts";
import { formatInstant } from "./time.ts";

const Kind = { temporality: Temporality.optional(), monotonic: z.boolean().optional() };

/** Metrics that have a point in a window, as others get them. */
export const MetricPageJson = z.object({
  metrics: z.array(
    z.object({
      name: z.string(),
      service: z.string(),
      unit: z.string().describe("UCUM."),
      type: MetricType,
      ...Kind,
      description: z.string().optional(),
      series: z.int().describe("Series with a point in the window."),
      attributeKeys: z.array(z.string()),
      first: Instant,
      last: Instant,
    }),
  ),
  total: z.int(),
  returned: z.int(),
  nextCursor: z.string().optional(),
});
export type MetricPageJson = z.infer<typeof MetricPageJson>;

/** What a query makes of the points of a metric, step by step. */
export const MetricAnswerJson = z.object({
  name: z.string(),
  unit: z.string().optional(),
  type: MetricType.optional(),
  ...Kind,
  since: Instant.describe("Start of the first step."),
  stepMs: z.number(),
  steps: z.int(),
  groups: z.array(
    z.object({
      attributes: Attributes,
      series: z.int(),
      values: z.array(z.number().nullable()).describe("One per step; null where there is no data."),
    }),
  ),
  totalGroups: z.int(),
  returned: z.int().describe("Groups in this answer; a filter on attributes gets at the others."),
  exemplars: z.array(
    z.object({
      time: Instant,
      value: z.number(),
      traceId: TraceId.optional(),
      spanId: SpanId.optional(),
      attributes: Attributes,
    }),
  ),
});
export type MetricAnswerJson = z.infer<typeof MetricAnswerJson>;

/** The {@link MetricPageJson} of a page. */
export function metricPageJson({ metrics, total, nextCursor }: MetricPage): MetricPageJson {
  return {
    metrics: metrics.map(({ firstNs, lastNs, attributeKeys, ...rest }) => ({
      ...rest,
      attributeKeys: [...attributeKeys],
      first: formatInstant(firstNs),
      last: formatInstant(lastNs),
    })),
    total,
    returned: metrics.length,
    ...(nextCursor !== undefined && { nextCursor }),
  };
}

/** The {@link MetricAnswerJson} of an answer. */
export function metricAnswerJson({ sinceNs, stepNs, groups, exemplars, ...rest }: MetricAnswer): MetricAnswerJson {
  return {
    ...rest,
    since: formatInstant(sinceNs),
    stepMs: Number(stepNs) / 1e6,
    groups: groups.map(({ values, ...group }) => ({ ...group, values: values.map(finiteOrNull) })),
    returned: groups.length,
    exemplars: exemplars.map(({ timeNs, ...one }) => ({ time: formatInstant(timeNs), ...one })),
  };
}

/** JSON has no infinity; a value beyond all numbers is as good as none. */
const finiteOrNull = (value: number | null): number | null => (Number.isFinite(value) ? value : null);
