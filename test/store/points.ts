import fc from "fast-check";
import type { Exemplar, MetricPoint, MetricSeries, PointValue } from "../../src/model/metric.ts";
import { METRIC_TYPES, TEMPORALITIES } from "../../src/model/metric.ts";
import { attributes, hostileText } from "./spans.ts";

/** A minute, ns. */
export const MINUTE = 60_000_000_000n;

/** A start for tests, a whole hour; ns since the Unix epoch. */
export const T0 = 1_700_002_800_000_000_000n;

/** A series with what a test does not care about filled in. */
export function gauge(series: Partial<MetricSeries> = {}): MetricSeries {
  const resource = { "service.name": "api" };
  return {
    name: "m",
    unit: "1",
    type: "gauge",
    attributes: {},
    service: "api",
    resource,
    scope: { name: "s" },
    ...series,
  };
}

/** A sum that only grows, cumulative unless told. */
export const counter = (series: Partial<MetricSeries> = {}): MetricSeries =>
  gauge({ type: "sum", monotonic: true, temporality: "cumulative", ...series });

/** A histogram with the bounds 1 and 2, cumulative unless told. */
export const histogram = (series: Partial<MetricSeries> = {}): MetricSeries =>
  gauge({ type: "histogram", temporality: "cumulative", bounds: [1, 2], ...series });

/** A point at a time, or with the start before it; minutes after {@link T0}. */
export function pointAt(
  series: MetricSeries,
  when: number | readonly [start: number | undefined, at: number],
  value: PointValue | number,
): MetricPoint {
  const [start, at] = typeof when === "number" ? [undefined, when] : when;
  const ns = (minutes: number): bigint => T0 + BigInt(Math.round(minutes * 60e9));
  return {
    series,
    timeNs: ns(at),
    ...(start !== undefined && { startNs: ns(start) }),
    value: typeof value === "number" ? { kind: "number", value } : value,
    exemplars: [],
  };
}

/** A histogram's value from its counts; the sum is that of the upper bounds 1, 2 and 3. */
export function counts(...all: readonly number[]): PointValue {
  const count = all.reduce((sum, one) => sum + one, 0);
  return { kind: "histogram", count, sum: all.reduce((sum, one, at) => sum + one * (at + 1), 0), counts: [...all] };
}

const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const amount = finite.map(Math.abs);

/** Counts are kept small, so that their sums stay exact. */
const count = fc.oneof(fc.nat(5), fc.nat(2 ** 20), fc.constantFrom(2 ** 45));
const bucketCounts = fc.array(count, { maxLength: 20 });
const sumOf = (all: readonly number[]): number => all.reduce((sum, one) => sum + one, 0);

const series = fc
  .record({
    name: fc.constantFrom("m", "n", "\0odd\u007f"),
    unit: fc.constantFrom("", "s"),
    type: fc.constantFrom(...METRIC_TYPES),
    temporality: fc.constantFrom(...TEMPORALITIES),
    monotonic: fc.boolean(),
    bounds: fc.uniqueArray(finite, { maxLength: 4 }).map((all) => all.toSorted((a, b) => a - b)),
    attributes,
    service: fc.constantFrom("api", "db"),
    resource: attributes,
    scope: fc.record({ name: hostileText, version: fc.constantFrom("1", "2"), attributes }, { requiredKeys: ["name"] }),
  })
  .map(({ temporality, monotonic, bounds, ...one }): MetricSeries => ({
    ...one,
    ...(one.unit !== "" && { description: `in ${one.unit}` }),
    ...(!["gauge", "summary"].includes(one.type) && { temporality }),
    ...(one.type === "sum" && { monotonic }),
    ...(one.type === "histogram" && { bounds }),
  }));

const observed = fc.record({ sum: finite, min: finite, max: finite }, { requiredKeys: [] });

function valueFor({ type, monotonic, bounds = [] }: MetricSeries): fc.Arbitrary<PointValue> {
  const none = fc.constant<PointValue>({ kind: "none" });
  switch (type) {
    case "gauge":
    case "sum":
      return fc.oneof(
        none,
        (monotonic === true ? amount : finite).map((value) => ({ kind: "number" as const, value })),
      );
    case "histogram":
      return fc
        .tuple(observed, fc.array(count, { minLength: bounds.length + 1, maxLength: bounds.length + 1 }))
        .map(([rest, all]) => ({ kind: "histogram" as const, ...rest, count: sumOf(all), counts: all }));
    case "exponential_histogram": {
      const buckets = fc.record({ offset: fc.integer({ min: -1_000, max: 1_000 }), counts: bucketCounts });
      const rest = { scale: fc.integer({ min: -10, max: 20 }), zeroCount: count, zeroThreshold: amount };
      return fc.tuple(observed, fc.record({ ...rest, positive: buckets, negative: buckets })).map(([seen, one]) => ({
        kind: "exponential_histogram" as const,
        ...seen,
        ...one,
        count: one.zeroCount + sumOf(one.positive.counts) + sumOf(one.negative.counts),
      }));
    }
    case "summary": {
      const quantile = fc.record({
        quantile: fc.double({ min: 0, max: 1, noNaN: true }),
        value: fc.oneof(finite, fc.constant(Number.NaN)),
      });
      return fc
        .record({ count, sum: finite, quantiles: fc.array(quantile, { maxLength: 3 }) })
        .map((one) => ({ kind: "summary" as const, ...one }));
    }
  }
}

const hex = (length: number) =>
  fc.string({ unit: fc.nat(15).map((digit) => digit.toString(16)), minLength: length, maxLength: length });
const exemplar: fc.Arbitrary<Exemplar> = fc.record(
  {
    timeNs: fc.bigInt({ min: 1n, max: 2n ** 63n - 2n }),
    value: finite,
    traceId: hex(32).filter((id) => /[^0]/.test(id)),
    spanId: hex(16).filter((id) => /[^0]/.test(id)),
    attributes,
  },
  { requiredKeys: ["timeNs", "value", "attributes"] },
);

/** Times that often tie or are the greatest there are. */
const time = fc.oneof(
  fc.integer({ min: 0, max: 30 }).map((minute) => T0 + BigInt(minute) * MINUTE),
  fc.constantFrom(1n, 2n ** 63n - 2n),
);

const sortedEntries = (of: object) => Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1));

/** What tells series apart, spelled out anew. */
export const identity = ({ attributes: own, resource, ...rest }: MetricSeries): string =>
  JSON.stringify([
    sortedEntries(own),
    sortedEntries(resource),
    sortedEntries({ ...rest, scope: 0, description: 0 }),
    rest.scope.name,
    rest.scope.version ?? null,
    sortedEntries(rest.scope.attributes ?? {}),
    rest.scope.attributes === undefined,
  ]);

/** What tells points apart. */
export const placeOf = ({ series: of, timeNs, startNs }: MetricPoint): string => `${identity(of)} ${timeNs} ${startNs}`;

/** Points of a few series, no two of one place. */
export const pointSet: fc.Arbitrary<readonly MetricPoint[]> = fc
  .uniqueArray(series, { minLength: 1, maxLength: 5, selector: identity })
  .chain((all) => fc.array(fc.constantFrom(...all).chain(pointOf), { maxLength: 25 }))
  .map((points) => [...new Map(points.map((point) => [placeOf(point), point])).values()]);

const pointOf = (of: MetricSeries): fc.Arbitrary<MetricPoint> =>
  fc
    .tuple(
      time,
      fc.option(fc.constantFrom(1n, T0), { nil: undefined }),
      valueFor(of),
      fc.array(exemplar, { maxLength: 2 }),
    )
    .map(([timeNs, startNs, value, exemplars]) => ({
      series: of,
      timeNs,
      ...(startNs !== undefined && startNs <= timeNs && { startNs }),
      value,
      exemplars,
    }));

/** By series and time, so that sets can be compared. */
export const sortedPoints = (points: readonly MetricPoint[]): readonly MetricPoint[] =>
  points.toSorted((a, b) => (orderKey(a) < orderKey(b) ? -1 : 1));

const orderKey = ({ series: of, timeNs, startNs = 0n }: MetricPoint): string =>
  `${identity(of)} ${`${timeNs}`.padStart(20, "0")} ${`${startNs}`.padStart(20, "0")}`;
