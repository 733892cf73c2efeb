import type { Exemplar, MetricPoint, MetricSeries, MetricType } from "../model/metric.ts";
import type { Attributes } from "../model/span.ts";
import type { AppendResult } from "./port.ts";

/** Which series, and when. Times in ns since the Unix epoch: `sinceNs` inclusive, `untilNs` exclusive. */
export type MetricFilter = {
  readonly name?: string;
  readonly service?: string;
  /** Needed only where one name stands for several kinds of metric. */
  readonly type?: MetricType;
  readonly unit?: string;
  /** Equality on the series' own or its resource's attributes; numbers and booleans by their JSON text. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
};

/** All series of one service with one name, unit and kind. */
export type MetricSummary = Pick<MetricSeries, "name" | "service" | "unit" | "type" | "temporality" | "monotonic"> & {
  readonly description?: string;
  /** Series with a point in the window. */
  readonly series: number;
  /** Names of their attributes, sorted. */
  readonly attributeKeys: readonly string[];
  /** Times of the first and the last point in the window, ns since the Unix epoch. */
  readonly firstNs: bigint;
  readonly lastNs: bigint;
};

/** Metrics by name, service, unit and kind. */
export type MetricPage = {
  readonly metrics: readonly MetricSummary[];
  readonly total: number;
  /** Opaque; absent on the last page. */
  readonly nextCursor?: string;
};

/**
 * What is made of the points in a step.
 *
 * | aggregation | gauges, cumulative sums that may fall | other sums | histograms, summaries |
 * |---|---|---|---|
 * | `rate` | – | growth per second | observations per second |
 * | `sum` | sum of each series' last value | growth | sum of the observed values |
 * | `avg` | mean of all points | – | mean of the observed values |
 * | `min`, `max` | of all points | – | of the observed values, from bucket bounds where the source does not say; not of summaries |
 * | `quantile` | – | – | of the observed values, linear within a bucket; not of summaries |
 *
 * Growth of cumulative series takes resets into account (a new start, or a drop of a value that only grows). It is spread
 * evenly over the time between two points, also where one of them lies outside of the window: the sums of adjoining
 * windows add up. A step that the data cover in part counts what they cover. A series takes part when it has a point in
 * the window.
 */
export type MetricAggregation =
  { readonly kind: "rate" | "sum" | "avg" | "min" | "max" } | { readonly kind: "quantile"; readonly quantile: number };

export type MetricQuery = MetricFilter & {
  readonly name: string;
  readonly sinceNs: bigint;
  readonly untilNs: bigint;
  /** Length of a step; the whole window when absent. At most {@link MAX_STEPS} steps. */
  readonly stepNs?: bigint;
  readonly aggregation: MetricAggregation;
  /** Attribute keys (of the series, else of its resource) whose values make a group each; one group when absent. */
  readonly groupBy?: readonly string[];
  /** Most groups, 1 to 1,000; default 100. A filter on attributes gets at the others. */
  readonly limit?: number;
};

/** Most steps of a query, and most values of an answer (steps times groups). */
export const MAX_STEPS = 11_000;
export const MAX_VALUES = 50_000;

/** Most points that a query reads, some seconds of work; what would need more is refused. */
export const MAX_POINTS = 5_000_000;

/** One line of a chart. */
export type MetricGroup = {
  /** Values of the keys of `groupBy` that the series have. */
  readonly attributes: Attributes;
  readonly series: number;
  /** One per step; null where there is no data. */
  readonly values: readonly (number | null)[];
};

/** Unit and type are absent when no series has a point in the window; temporality and monotonic where series differ. */
export type MetricAnswer = Pick<MetricSeries, "name"> &
  Partial<Pick<MetricSeries, "unit" | "type" | "temporality" | "monotonic">> & {
    /** Start of the first step, ns since the Unix epoch; the last step may be cut by the end of the window. */
    readonly sinceNs: bigint;
    readonly stepNs: bigint;
    readonly steps: number;
    /** By the JSON text of their attributes; the first `limit`. */
    readonly groups: readonly MetricGroup[];
    readonly totalGroups: number;
    /** The newest measurements in the window that name a trace, at most ten; of all groups. */
    readonly exemplars: readonly Exemplar[];
  };

/**
 * Where metric points live.
 * Errors: `usage` for a query that cannot be answered (it says why), a bad cursor or limit; `not_found` for a query on a
 * metric without any series; `store_write_failed` (nothing of the batch is kept), `store_read_failed`.
 */
export type MetricStore = {
  /** Writes a batch in one transaction; points that are there already (series, time, start) are left as they are. */
  readonly append: (points: readonly MetricPoint[]) => Promise<AppendResult>;
  /** Metrics with a point in the window, by name, service, unit and kind; `limit` 1 to 1,000. */
  readonly list: (filter: MetricFilter, page: { limit: number; cursor?: string }) => Promise<MetricPage>;
  readonly query: (query: MetricQuery) => Promise<MetricAnswer>;
  /** Every matching point by series and time, in batches, in constant memory. */
  readonly points: (filter: MetricFilter) => AsyncIterable<readonly MetricPoint[]>;
  /** Removes some points older than `beforeNs` in one short transaction; nothing is left when it returns 0. */
  readonly prune: (beforeNs: bigint) => Promise<number>;
  /** How many points {@link MetricStore.prune} would remove in all. */
  readonly prunable: (beforeNs: bigint) => Promise<number>;
  /** Time of the oldest point, ns since the Unix epoch; undefined when there is none. */
  readonly oldestNs: () => Promise<bigint | undefined>;
};
