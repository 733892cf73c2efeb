import { z } from "zod";
import { WhetstoneError } from "../../model/error.ts";
import { MetricType } from "../../model/metric.ts";
import { MetricAnswerJson, metricAnswerJson, MetricPageJson, metricPageJson } from "../../model/metric-json.ts";
import { parseDuration } from "../../model/time.ts";
import { parseFilter } from "../../store/filter-text.ts";
import type { MetricAggregation, MetricFilter, MetricQuery } from "../../store/metric-port.ts";
import type { Store } from "../../store/store.ts";
import { FilterQuery, pageQuery, WindowQuery } from "../query.ts";
import { json, route, type Route } from "../route.ts";
import { asParameter, type ReadParts } from "./traces.ts";

/** What the routes read from. */
export type MetricParts = Pick<ReadParts, "clock"> & {
  readonly store: { readonly metrics: Pick<Store["metrics"], "list" | "query"> };
};

const { service, minDuration: text } = FilterQuery.shape;
const SeriesQuery = z.strictObject({
  service: service.describe("Service of the resource."),
  attr: FilterQuery.shape.attr.describe("Attribute of the series or its resource as `key=value`; may be repeated."),
  type: MetricType.optional().describe("Kind of metric, where one name stands for several."),
  unit: text.describe("Unit, where one name stands for several."),
  ...WindowQuery.shape,
});

const ListQuery = z.strictObject({
  name: text.describe("Name of the metric."),
  ...SeriesQuery.shape,
  ...pageQuery(100).shape,
});

const AnswerQuery = z.strictObject({
  ...SeriesQuery.shape,
  aggregation: z
    .enum(["rate", "sum", "avg", "min", "max", "quantile"])
    .describe("What is made of the points in a step: rate of sums, avg of gauges, quantile of histograms …"),
  quantile: z.coerce.number().min(0).max(1).default(0.95).describe("Which quantile, for the aggregation of that name."),
  step: text.describe("Length of a step such as `1m`; the whole window when left out."),
  groupBy: z
    .array(z.string().max(200))
    .max(10)
    .default([])
    .describe("Attribute whose values make a group each; may be repeated."),
  limit: z.coerce.number().int().min(1).max(1_000).default(100).describe("Most groups."),
});

const MetricParams = z.strictObject({ name: z.string().max(1_000).describe("Name of the metric.") });

type SeriesText = z.output<typeof SeriesQuery>;

/** `GET /metrics` and `GET /metrics/{name}`: stored metric points, not those of this process. */
export function metricRoutes({ store: { metrics }, clock }: MetricParts): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/metrics",
      id: "listMetrics",
      summary: "Metrics with a point in the window, by name, service, unit and kind.",
      access: "aggregates",
      query: ListQuery,
      answer: { name: "MetricPage", schema: MetricPageJson },
      handle: async ({ query: { name, limit, cursor, ...series } }) => {
        const filter = { ...seriesFilter(series, clock.now()), ...(name !== undefined && { name }) };
        return json(metricPageJson(await metrics.list(filter, { limit, ...(cursor !== undefined && { cursor }) })));
      },
    }),
    route({
      method: "GET",
      path: "/metrics/{name}",
      id: "queryMetric",
      summary: "What is made of a metric's points per step and group; resets of counters are taken into account.",
      access: "aggregates",
      params: MetricParams,
      query: AnswerQuery,
      answer: { name: "MetricAnswer", schema: MetricAnswerJson },
      handle: async ({ params: { name }, query }) =>
        json(metricAnswerJson(await metrics.query(metricQuery(name, query, clock.now())))),
    }),
  ];
}

/** @throws WhetstoneError `usage`: the window or an attribute is malformed */
function seriesFilter(
  { type, unit, ...rest }: SeriesText,
  now: bigint,
): MetricFilter & Pick<MetricQuery, "sinceNs" | "untilNs"> {
  const {
    sinceNs = now,
    untilNs = now,
    service: of,
    attributes,
  } = parseFilter(
    { service: rest.service, attr: rest.attr, since: rest.since, until: rest.until ?? "-0s" },
    now,
    asParameter,
  );
  return {
    sinceNs,
    untilNs,
    ...(of !== undefined && { service: of }),
    ...(attributes && { attributes }),
    ...(type !== undefined && { type }),
    ...(unit !== undefined && { unit }),
  };
}

function metricQuery(name: string, query: z.output<typeof AnswerQuery>, now: bigint): MetricQuery {
  const { aggregation: kind, quantile, step, groupBy, limit, ...series } = query;
  const aggregation: MetricAggregation = kind === "quantile" ? { kind, quantile } : { kind };
  return {
    ...seriesFilter(series, now),
    name,
    aggregation,
    limit,
    ...(step !== undefined && { stepNs: parseStep(step) }),
    ...(groupBy.length > 0 && { groupBy }),
  };
}

/** @throws WhetstoneError `usage` */
function parseStep(text: string): bigint {
  const ns = Math.round(parseDuration(text));
  if (Number.isSafeInteger(ns) && ns >= 1) return BigInt(ns);
  throw new WhetstoneError("usage", `step ${text} is no length of a step.`, { remedy: "Name one from 1ns to 100d." });
}
