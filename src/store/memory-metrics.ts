import type { MetricPoint, MetricSeries } from "../model/metric.ts";
import { internKey } from "./intern.ts";
import { hasAttribute } from "./match.ts";
import type { MetricFilter, MetricStore } from "./metric-port.ts";
import { queryFrom } from "./metric-query.ts";
import { listFrom, pointsFrom, type MetricReader, type Stream } from "./metric-reader.ts";
import { pointFromRow, seriesFromRow, sharedText, toPointRow, toSeriesRow, type PointRow } from "./metric-row.ts";
import { POINT_BATCH, windowOf, type PointWindow } from "./queries/metrics.ts";

type Kept = { readonly series: MetricSeries; readonly points: Map<string, MetricPoint> };

/** Memory twin of {@link MetricStore}. */
export function memoryMetrics(): MetricStore {
  const all = new Map<string, Kept>();
  const reader = readerOf(all);
  const older = (beforeNs: bigint) =>
    [...all.values()].flatMap(({ points }) =>
      [...points].filter(([, point]) => point.timeNs < beforeNs).map(([key]) => ({ points, key })),
    );
  return {
    append: async (points) => {
      const shared = sharedText();
      // Encoded before anything is kept: a point that cannot be stored leaves the store as it was.
      const rows = points.map((point) => ({ series: toSeriesRow(point.series, shared), row: toPointRow(point) }));
      const stored = rows.filter(({ series, row }) => insert(all, series, row)).length;
      return { stored, duplicates: points.length - stored };
    },
    list: (filter, page) => listFrom(reader, filter, page),
    query: (query) => queryFrom(reader, query),
    points: (filter) => pointsFrom(reader, filter, windowOf(filter)),
    prune: async (beforeNs) => {
      const removed = older(beforeNs);
      for (const { points, key } of removed) points.delete(key);
      return removed.length;
    },
    prunable: async (beforeNs) => older(beforeNs).length,
    oldestNs: async () => {
      const times = [...all.values()].flatMap(({ points }) => [...points.values()].map((point) => point.timeNs));
      return times.reduce<bigint | undefined>(
        (least, ns) => (least === undefined || ns < least ? ns : least),
        undefined,
      );
    },
  };
}

/** Through the codec of the other stores, so that all of them give the same answers. */
function insert(all: Map<string, Kept>, series: ReturnType<typeof toSeriesRow>, row: PointRow): boolean {
  const { description, ...identity } = series;
  const key = internKey(Object.values(identity)).text;
  const kept = all.get(key) ?? { series: seriesFromRow({ ref: "0", ...series, description }), points: new Map() };
  all.set(key, kept);
  const place = `${row.timeNs}/${row.startNs}`;
  if (kept.points.has(place)) return false;
  const selected = { ...row, time_ns: row.timeNs, start_ns: row.startNs };
  kept.points.set(place, pointFromRow(kept.series, selected));
  return true;
}

function readerOf(all: ReadonlyMap<string, Kept>): MetricReader<Kept> {
  const sorted = ({ points }: Kept): MetricPoint[] => [...points.values()].sort(byTime);
  return {
    streams: async function* (filter) {
      const window = windowOf(filter);
      yield [...all.values()]
        .filter(({ series }) => isWanted(series, filter))
        .flatMap((kept): Stream<Kept>[] => {
          const times = sorted(kept).filter((point) => isIn(point, window));
          const [first, last] = [times[0], times.at(-1)];
          if (first === undefined || last === undefined) return [];
          return [{ ref: kept, series: kept.series, firstNs: first.timeNs, lastNs: last.timeNs }];
        });
    },
    pointsOf: async function* ({ ref }, window) {
      const points = sorted(ref).filter((point) => isIn(point, window));
      for (let at = 0; at < points.length; at += POINT_BATCH) yield points.slice(at, at + POINT_BATCH);
    },
    timeBefore: async ({ ref }, ns) => sorted(ref).findLast(({ timeNs }) => timeNs < ns)?.timeNs,
    timeFrom: async ({ ref }, ns) => sorted(ref).find(({ timeNs }) => timeNs >= ns)?.timeNs,
  };
}

const isIn = ({ timeNs }: MetricPoint, { sinceNs, untilNs }: PointWindow): boolean =>
  timeNs >= sinceNs && timeNs < untilNs;

const isWanted = (series: MetricSeries, { name, service, type, unit, attributes }: MetricFilter): boolean =>
  (name === undefined || series.name === name) &&
  (service === undefined || series.service === service) &&
  (type === undefined || series.type === type) &&
  (unit === undefined || series.unit === unit) &&
  Object.entries(attributes ?? {}).every(([key, text]) => hasAttribute(series, key, text));

function byTime(a: MetricPoint, b: MetricPoint): number {
  if (a.timeNs !== b.timeNs) return a.timeNs < b.timeNs ? -1 : 1;
  const [left, right] = [a.startNs ?? 0n, b.startNs ?? 0n];
  return left === right ? 0 : left < right ? -1 : 1;
}
