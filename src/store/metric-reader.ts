import type { MetricPoint, MetricSeries } from "../model/metric.ts";
import { checkPage, decodeListCursor, encodeListCursor } from "./metric-cursor.ts";
import type { MetricFilter, MetricPage, MetricSummary } from "./metric-port.ts";
import type { PointWindow } from "./queries/metrics.ts";

/** A series that has points in a window: its name in the store, and when its first and last of them are. */
export type Stream<Ref> = {
  readonly ref: Ref;
  readonly series: MetricSeries;
  readonly firstNs: bigint;
  readonly lastNs: bigint;
};

/** What reading metrics needs of a store. */
export type MetricReader<Ref> = {
  /** All matching series with points in the filter's window, in batches, in one order. */
  readonly streams: (filter: MetricFilter) => AsyncIterable<readonly Stream<Ref>[]>;
  /** Points of a series by time and start, in batches. */
  readonly pointsOf: (stream: Stream<Ref>, window: PointWindow) => AsyncIterable<readonly MetricPoint[]>;
  /** Time of the last point of a series before a time. */
  readonly timeBefore: (stream: Stream<Ref>, ns: bigint) => Promise<bigint | undefined>;
  /** Time of its first point at a time or after it. */
  readonly timeFrom: (stream: Stream<Ref>, ns: bigint) => Promise<bigint | undefined>;
};

/** Every matching point by series and time. */
export async function* pointsFrom<Ref>(
  reader: MetricReader<Ref>,
  filter: MetricFilter,
  window: PointWindow,
): AsyncGenerator<readonly MetricPoint[]> {
  for await (const batch of reader.streams(filter)) {
    for (const stream of batch) yield* reader.pointsOf(stream, window);
  }
}

/** What a metric is told apart by. */
const keyOf = ({ name, service, unit, type, temporality, monotonic }: MetricSeries): string =>
  JSON.stringify([name, service, unit, type, temporality ?? "", monotonic ?? ""]);

/**
 * A page of metrics.
 * @throws WhetstoneError `usage` for a bad cursor or limit
 */
export async function listFrom<Ref>(
  reader: MetricReader<Ref>,
  filter: MetricFilter,
  page: { limit: number; cursor?: string },
): Promise<MetricPage> {
  checkPage(page.limit, "metrics");
  const after = page.cursor === undefined ? "" : decodeListCursor(page.cursor);
  const found = new Map<string, Draft>();
  for await (const batch of reader.streams(filter)) for (const stream of batch) addStream(found, stream);
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  const rest = sorted.filter(([key]) => key > after);
  const shown = rest.slice(0, page.limit);
  const last = shown.at(-1);
  return {
    metrics: shown.map(([, draft]) => summaryOf(draft)),
    total: sorted.length,
    ...(last !== undefined && rest.length > shown.length && { nextCursor: encodeListCursor(last[0]) }),
  };
}

type Draft = {
  readonly first: MetricSeries;
  readonly keys: Set<string>;
  series: number;
  firstNs: bigint;
  lastNs: bigint;
};

function addStream<Ref>(found: Map<string, Draft>, { series, firstNs, lastNs }: Stream<Ref>): void {
  const key = keyOf(series);
  const draft = found.get(key) ?? { first: series, keys: new Set(), series: 0, firstNs, lastNs };
  found.set(key, draft);
  draft.series += 1;
  if (firstNs < draft.firstNs) draft.firstNs = firstNs;
  if (lastNs > draft.lastNs) draft.lastNs = lastNs;
  for (const name of Object.keys(series.attributes)) draft.keys.add(name);
}

function summaryOf({ first, keys, series, firstNs, lastNs }: Draft): MetricSummary {
  const { name, service, unit, type, temporality, monotonic, description } = first;
  return {
    name,
    service,
    unit,
    type,
    ...(temporality !== undefined && { temporality }),
    ...(monotonic !== undefined && { monotonic }),
    ...(description !== undefined && { description }),
    series,
    attributeKeys: [...keys].sort(),
    firstNs,
    lastNs,
  };
}
