import { expect } from "@jest/globals";
import { countOf } from "../../src/model/sample-weight.ts";
import { SPAN_KINDS, type Span } from "../../src/model/span.ts";
import type {
  OperationReport,
  RollupFilter,
  RollupRow,
  SpanFilter,
  SpanStore,
  TraceSummary,
} from "../../src/store/port.ts";
import { sketchBin } from "../../src/stats/sketch.ts";

const compare = <T extends string | number | bigint>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

const order = (a: Span, b: Span): number =>
  compare(a.startNs, b.startNs) ||
  compare(a.traceId, b.traceId) ||
  compare(a.spanId, b.spanId) ||
  compare(SPAN_KINDS.indexOf(a.kind), SPAN_KINDS.indexOf(b.kind));

function meets(span: Span, filter: SpanFilter): boolean {
  const failed = [
    filter.service !== undefined && filter.service !== span.service,
    filter.operation !== undefined && filter.operation !== span.name,
    filter.status !== undefined && filter.status !== span.status,
    filter.minDurationNs !== undefined && span.durationNs < filter.minDurationNs,
    filter.maxDurationNs !== undefined && span.durationNs > filter.maxDurationNs,
    filter.sinceNs !== undefined && span.startNs < filter.sinceNs,
    filter.untilNs !== undefined && span.startNs >= filter.untilNs,
    ...Object.entries(filter.attributes ?? {}).map(([key, wanted]) => {
      const found = [span.attributes, span.resource].flatMap((all) => Object.entries(all).filter(([k]) => k === key));
      return !found.some(([, value]) => (typeof value === "string" ? value : JSON.stringify(value)) === wanted);
    }),
  ];
  return !failed.includes(true);
}

/** What `spans(filter)` must yield: the plainest reading of the port. */
export function naiveSpans(spans: readonly Span[], filter: SpanFilter = {}): readonly Span[] {
  return spans.filter((span) => meets(span, filter)).sort(order);
}

/** What a search over all pages must yield. */
export function naiveTraces(spans: readonly Span[], filter: SpanFilter = {}): readonly TraceSummary[] {
  const ids = [...new Set(spans.filter((span) => meets(span, filter)).map((span) => span.traceId))];
  return ids
    .map((traceId) => summary(spans.filter((span) => span.traceId === traceId)))
    .sort((a, b) => compare(b.startNs, a.startNs) || compare(a.traceId, b.traceId));
}

function summary(spans: readonly Span[]): TraceSummary {
  const sorted = [...spans].sort(order);
  const root = sorted.find((span) => span.parentSpanId === undefined) ?? sorted[0];
  if (root === undefined) throw new Error("a trace has at least one span");
  const startNs = sorted[0]?.startNs ?? 0n;
  const endNs = sorted.map((span) => span.startNs + BigInt(span.durationNs)).reduce((a, b) => (a > b ? a : b));
  return {
    traceId: root.traceId,
    rootService: root.service,
    rootOperation: root.name,
    startNs,
    durationNs: Number(endNs - startNs),
    spans: spans.length,
    errors: spans.filter((span) => span.status === "error").length,
  };
}

/** Every trace that a search finds, page by page, with the totals that the pages stated. */
export async function allPages(store: SpanStore, filter: SpanFilter, limit: number) {
  const traces: TraceSummary[] = [];
  const totals = new Set<number>();
  let cursor: string | undefined;
  do {
    const page = await store.search(filter, { limit, ...(cursor === undefined ? {} : { cursor }) });
    if (page.traces.length > limit) throw new Error(`${page.traces.length} traces on a page of ${limit}`);
    traces.push(...page.traces);
    if (page.total !== undefined) totals.add(page.total);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return { traces, totals: [...totals] };
}

/** Every batch that a stream yields. */
export async function allBatches(store: SpanStore, filter: SpanFilter = {}): Promise<(readonly Span[])[]> {
  const batches: (readonly Span[])[] = [];
  for await (const batch of store.spans(filter)) batches.push(batch);
  return batches;
}

/** Every span that a stream yields. */
export async function allSpans(store: SpanStore, filter: SpanFilter = {}): Promise<readonly Span[]> {
  return (await allBatches(store, filter)).flat();
}

/** Every rollup of a window. */
export async function allRollups(store: SpanStore, filter: RollupFilter): Promise<readonly RollupRow[]> {
  const batches: (readonly RollupRow[])[] = [];
  for await (const batch of store.rollups(filter)) batches.push(batch);
  return batches.flat();
}

const MINUTE = 60_000_000_000n;
const floorMinute = (ns: bigint): bigint => ns - (((ns % MINUTE) + MINUTE) % MINUTE);

/** Spans that start in a minute that the window touches, each as often as it counts. */
function spansIn(spans: readonly Span[], { sinceNs, untilNs, ...filter }: RollupFilter): readonly Span[] {
  return spans
    .filter((span) => meets(span, filter))
    .filter(({ startNs }) => floorMinute(startNs) >= floorMinute(sinceNs) && floorMinute(startNs) < untilNs)
    .flatMap((span) => Array.from({ length: countOf(span.attributes, span.spanId) }, () => span));
}

const errorTypeOf = ({ status, attributes }: Span): string | undefined => {
  const type = status === "error" && Object.hasOwn(attributes, "error.type") ? attributes["error.type"] : undefined;
  return type === undefined || typeof type === "string" ? type : JSON.stringify(type);
};

/** What `rollups(filter)` must yield, in the order of {@link sortedRollups}. */
export function naiveRollups(spans: readonly Span[], filter: RollupFilter): readonly RollupRow[] {
  const groups = Map.groupBy(spansIn(spans, filter), (span) =>
    JSON.stringify([
      String(floorMinute(span.startNs)),
      span.service,
      span.name,
      span.kind,
      span.status,
      errorTypeOf(span) ?? 0,
    ]),
  );
  const rows = [...groups.values()].map((group) => {
    const [first] = group as [Span];
    const errorType = errorTypeOf(first);
    const bins = Map.groupBy(group, ({ durationNs }) => sketchBin(durationNs));
    return {
      service: first.service,
      operation: first.name,
      kind: first.kind,
      status: first.status,
      ...(errorType === undefined ? {} : { errorType }),
      minuteNs: floorMinute(first.startNs),
      count: group.length,
      durations: new Map([...bins].map(([bin, all]) => [bin, all.length])),
    };
  });
  return sortedRollups(rows);
}

const rollupKey = (group: RollupRow): string =>
  JSON.stringify([
    String(group.minuteNs),
    group.service,
    group.operation,
    group.kind,
    group.status,
    group.errorType ?? 0,
  ]);

/** Rollups in an order that does not depend on the store. */
export const sortedRollups = (rows: readonly RollupRow[]): readonly RollupRow[] =>
  rows.toSorted((a, b) => compare(rollupKey(a), rollupKey(b)));

/** Fails unless `report` counts exactly the spans of the window, and its quantiles are right to 1 %. */
export function expectReport(report: OperationReport, spans: readonly Span[], filter: RollupFilter): void {
  const groups = Map.groupBy(spansIn(spans, filter), ({ service, name, kind }) =>
    JSON.stringify([service, name, kind]),
  );
  const found = report.operations.map(({ service, operation, kind, calls, errors, errorTypes }) => {
    const types = Map.groupBy(errorTypes, ({ errorType }) => errorType);
    return [
      JSON.stringify([service, operation, kind]),
      { calls, errors, types: new Map([...types].map(([type, [one]]) => [type, one?.count])) },
    ];
  });
  const expected = [...groups].map(([key, group]) => {
    const failed = group.filter(({ status }) => status === "error");
    const types = new Map([...Map.groupBy(failed, errorTypeOf)].map(([type, all]) => [type, all.length]));
    return [key, { calls: group.length, errors: failed.length, types }];
  });
  expect(new Map(found as [string, unknown][])).toEqual(new Map(expected as [string, unknown][]));
  for (const one of report.operations) {
    const group = groups.get(JSON.stringify([one.service, one.operation, one.kind])) ?? [];
    const durations = group.map(({ durationNs }) => durationNs).sort((a, b) => a - b);
    for (const [q, value] of [
      [0.5, one.p50Ns],
      [0.95, one.p95Ns],
      [0.99, one.p99Ns],
    ] as const) {
      const exact = durations[Math.floor(q * (durations.length - 1))] ?? Number.NaN;
      expect(Math.abs(value - exact)).toBeLessThanOrEqual(exact * 0.01 + 1e-6 * exact);
    }
  }
}
