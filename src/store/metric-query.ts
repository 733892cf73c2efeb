import { WhetstoneError } from "../model/error.ts";
import { canonicalJson } from "../model/json.ts";
import type { Exemplar, MetricPoint, MetricSeries } from "../model/metric.ts";
import type { Attributes } from "../model/span.ts";
import { growthOf } from "./metric-growth.ts";
import {
  MAX_POINTS,
  MAX_STEPS,
  MAX_VALUES,
  type MetricAggregation,
  type MetricAnswer,
  type MetricGroup,
  type MetricQuery,
} from "./metric-port.ts";
import type { MetricReader, Stream } from "./metric-reader.ts";
import { stepAt, type Steps } from "./metric-steps.ts";
import { tallyOf, type Tally } from "./metric-tally.ts";

/** Groups of an answer unless told. */
const DEFAULT_GROUPS = 100;

/** Exemplars of an answer. */
const EXEMPLARS = 10;

/**
 * Answers a query from what a store holds, in memory that grows with the answer and with the number of series only.
 * @param store reads the points, of which it is asked for at most `mostPoints`
 * @throws WhetstoneError `usage`, `not_found` as `MetricStore.query` says; what the reader throws
 */
export async function queryFrom<Ref>(
  store: MetricReader<Ref>,
  query: MetricQuery,
  { mostPoints = MAX_POINTS } = {},
): Promise<MetricAnswer> {
  const reader = readingAtMost(mostPoints, store);
  const steps = stepsOf(query);
  const limit = checkedLimit(query, steps);
  const streams: Stream<Ref>[] = [];
  for await (const batch of reader.streams(query)) streams.push(...batch);
  const [first] = streams;
  if (first === undefined) await requireMetric(reader, query);
  else requireOneKind(streams, query);
  if (first !== undefined) requireMeaning(first.series, query.aggregation);
  const groups = groupsOf(streams, query.groupBy ?? []);
  const exemplars: Exemplar[] = [];
  const answered: MetricGroup[] = [];
  for (const { attributes, members } of groups.slice(0, limit)) {
    const tally = tallyOf(query.aggregation, steps);
    for (const stream of members) await tallyStream(reader, stream, { steps, tally, exemplars });
    answered.push({ attributes, series: members.length, values: tally.values() });
  }
  const { sinceNs, stepNs, count } = steps;
  return {
    ...kindOf(streams, query),
    sinceNs,
    stepNs,
    steps: count,
    groups: answered,
    totalGroups: groups.length,
    exemplars,
  };
}

function stepsOf({ sinceNs, untilNs, stepNs = untilNs - sinceNs }: MetricQuery): Steps {
  if (untilNs <= sinceNs) throw refused("The window of the query is empty.", "Name an end that is after the start.");
  if (stepNs <= 0n) throw refused("A step of a query has no length.", "Name a step of at least 1 ns.");
  const count = (untilNs - sinceNs + stepNs - 1n) / stepNs;
  if (count <= BigInt(MAX_STEPS)) return { sinceNs, untilNs, stepNs, count: Number(count) };
  throw refused(
    `The query has ${count} steps.`,
    `Ask for at most ${MAX_STEPS}: name a longer step or a shorter window.`,
  );
}

function checkedLimit({ aggregation, limit = DEFAULT_GROUPS }: MetricQuery, { count }: Steps): number {
  if (aggregation.kind === "quantile" && !(aggregation.quantile >= 0 && aggregation.quantile <= 1)) {
    throw refused(`${aggregation.quantile} is no quantile.`, "Name a number from 0 to 1, such as 0.95.");
  }
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) {
    throw refused(`${limit} groups cannot be asked for.`, "Ask for 1 to 1,000 groups.");
  }
  if (limit * count <= MAX_VALUES) return limit;
  throw refused(
    `${limit} groups of ${count} steps are more than ${MAX_VALUES} values.`,
    "Ask for fewer groups (limit), a longer step or a shorter window.",
  );
}

/** A reader that refuses to read on beyond a number of points, of all series together. */
function readingAtMost<Ref>(most: number, reader: MetricReader<Ref>): MetricReader<Ref> {
  let read = 0;
  return {
    ...reader,
    pointsOf: async function* (stream, window) {
      for await (const batch of reader.pointsOf(stream, window)) {
        read += batch.length;
        if (read > most) throw tooMany(most);
        yield batch;
      }
    },
  };
}

const tooMany = (most: number): WhetstoneError =>
  refused(
    `The query needs more than ${most} points.`,
    "Name a shorter window, a service or attributes of fewer series.",
  );

const refused = (message: string, remedy: string): WhetstoneError => new WhetstoneError("usage", message, { remedy });

async function requireMetric<Ref>(reader: MetricReader<Ref>, { name }: MetricQuery): Promise<void> {
  for await (const batch of reader.streams({ name })) if (batch.length > 0) return;
  throw new WhetstoneError("not_found", `There is no metric ${JSON.stringify(name)}.`, {
    remedy: "List the metrics to see their names.",
  });
}

/** @throws WhetstoneError `usage` where one name stands for several kinds of metric */
function requireOneKind(streams: readonly Stream<unknown>[], { name }: MetricQuery): void {
  const kinds = new Set(
    streams.map(({ series }) => `${series.type} in "${series.unit}"${isLevel(series) ? "" : " that counts"}`),
  );
  if (kinds.size <= 1) return;
  throw refused(
    `The metric ${name} is of several kinds: ${[...kinds].sort().join(", ")}.`,
    "Name the service, the type or the unit that is meant.",
  );
}

/** Whether a value says how much there is, and not how much came to it. */
const isLevel = ({ type, temporality, monotonic }: MetricSeries): boolean =>
  type === "gauge" || (type === "sum" && monotonic === false && temporality === "cumulative");

/** @throws WhetstoneError `usage` where an aggregation has no meaning for a metric */
function requireMeaning(series: MetricSeries, { kind }: MetricAggregation): void {
  const allowed = meaningful(series);
  if (allowed.includes(kind)) return;
  throw refused(`The ${kind} of a ${nameOf(series)} has no meaning.`, `Ask for ${allowed.join(", ")}.`);
}

function meaningful(series: MetricSeries): readonly MetricAggregation["kind"][] {
  if (isLevel(series)) return ["sum", "avg", "min", "max"];
  if (series.type === "sum") return ["rate", "sum"];
  return series.type === "summary" ? ["rate", "sum", "avg"] : ["rate", "sum", "avg", "min", "max", "quantile"];
}

const nameOf = (series: MetricSeries): string =>
  series.type === "sum" && isLevel(series) ? "sum that may fall" : series.type.replace("_", " ");

type Group<Ref> = { readonly attributes: Attributes; readonly members: Stream<Ref>[] };

function groupsOf<Ref>(streams: readonly Stream<Ref>[], keys: readonly string[]): readonly Group<Ref>[] {
  const groups = new Map<string, Group<Ref>>();
  for (const stream of streams) {
    const attributes = pick(stream.series, keys);
    const key = canonicalJson(attributes);
    const group = groups.get(key) ?? { attributes, members: [] };
    groups.set(key, group);
    group.members.push(stream);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

function pick({ attributes, resource }: MetricSeries, keys: readonly string[]): Attributes {
  return Object.fromEntries(
    keys.flatMap((key) => {
      const owner = [attributes, resource].find((one) => Object.hasOwn(one, key));
      return owner === undefined ? [] : [[key, owner[key] ?? null] as const];
    }),
  );
}

type Tallying = { readonly steps: Steps; readonly tally: Tally; readonly exemplars: Exemplar[] };

async function tallyStream<Ref>(reader: MetricReader<Ref>, stream: Stream<Ref>, into: Tallying): Promise<void> {
  const { steps } = into;
  const add = isLevel(stream.series) ? levelAdder(into) : growthAdder(stream.series, into);
  // One point before and one after the window: what a series gained between them belongs to it in part.
  const before = isLevel(stream.series) ? undefined : await reader.timeBefore(stream, steps.sinceNs);
  const after = isLevel(stream.series) ? undefined : await reader.timeFrom(stream, steps.untilNs);
  const window = { sinceNs: before ?? steps.sinceNs, untilNs: after === undefined ? steps.untilNs : after + 1n };
  for await (const batch of reader.pointsOf(stream, window)) {
    for (const point of batch) {
      add.point(point);
      if (stepAt(steps, point.timeNs) !== undefined) keepNewest(into.exemplars, point.exemplars);
    }
  }
  add.end();
}

function growthAdder(series: MetricSeries, { tally }: Tallying) {
  const grow = growthOf(series);
  return {
    point: (point: MetricPoint): void => {
      const growth = grow(point);
      if (growth !== undefined) tally.addGrowth(growth);
    },
    end: (): void => undefined,
  };
}

function levelAdder({ steps, tally }: Tallying) {
  let last: { readonly timeNs: bigint; readonly value: number } | undefined;
  const flush = (next: bigint | undefined): void => {
    if (last === undefined) return;
    const isLast = next === undefined || stepAt(steps, next) !== stepAt(steps, last.timeNs);
    tally.addLevel(last.timeNs, last.value, isLast);
    last = undefined;
  };
  return {
    point: ({ timeNs, value }: MetricPoint): void => {
      if (value.kind !== "number") return;
      flush(timeNs);
      last = { timeNs, value: value.value };
    },
    end: (): void => flush(undefined),
  };
}

function keepNewest(kept: Exemplar[], more: readonly Exemplar[]): void {
  const traced = more.filter(({ traceId }) => traceId !== undefined);
  if (traced.length === 0) return;
  kept.push(...traced);
  kept.sort((a, b) => (a.timeNs === b.timeNs ? 0 : a.timeNs > b.timeNs ? -1 : 1));
  kept.splice(EXEMPLARS);
}

function kindOf(streams: readonly Stream<unknown>[], { name }: MetricQuery) {
  const all = streams.map(({ series }) => series);
  const [first] = all;
  if (first === undefined) return { name };
  const { unit, type, temporality, monotonic } = first;
  return {
    name,
    unit,
    type,
    ...(temporality !== undefined && all.every((one) => one.temporality === temporality) && { temporality }),
    ...(monotonic !== undefined && all.every((one) => one.monotonic === monotonic) && { monotonic }),
  };
}
