import type { Span, SpanKind, SpanStatus } from "../model/span.ts";
import type { Sketch } from "../stats/sketch.ts";

/** Filters on single spans. A trace matches when **one** of its spans meets all of them together. */
export type SpanFilter = {
  readonly service?: string;
  readonly operation?: string;
  /** Attribute equality on the span's own or its resource's attributes; numbers and booleans by their JSON text. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly status?: SpanStatus;
  /** Nanoseconds, inclusive. */
  readonly minDurationNs?: number;
  readonly maxDurationNs?: number;
  /** Start of the span, ns since the Unix epoch: `sinceNs` inclusive, `untilNs` exclusive. */
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
};

/** One row of a trace search. */
export type TraceSummary = {
  readonly traceId: string;
  readonly rootService: string;
  readonly rootOperation: string;
  /** Start of the earliest span, ns since the Unix epoch. */
  readonly startNs: bigint;
  /** From the earliest start to the latest end. */
  readonly durationNs: number;
  readonly spans: number;
  readonly errors: number;
};

/** A page of traces, newest first by trace start, ties by trace id. */
export type TracePage = {
  readonly traces: readonly TraceSummary[];
  /** Matching traces in all; absent where counting them would take much longer than finding the page. */
  readonly total?: number;
  /** Opaque; absent on the last page. */
  readonly nextCursor?: string;
};

/** What a write did. Spans that are in the store already (same trace, span id and kind) are left as they are. */
export type AppendResult = { readonly stored: number; readonly duplicates: number };

/** A span with the cursor that leads on after it. */
export type Arrival = { readonly cursor: string; readonly span: Span };

/** Spans in the order of their arrival. */
export type ArrivalPage = {
  readonly arrivals: readonly Arrival[];
  /** Leads on after this page. Opaque; good for the same store only. */
  readonly cursor: string;
  /**
   * The place that was asked for is gone, since the newest spans were removed: this page is empty, its cursor leads on
   * from the present, and what came between the two is not known.
   */
  readonly isGap: boolean;
};

/** Which rollups to read: of spans that start in the window, which is widened to whole minutes. */
export type RollupFilter = {
  readonly service?: string;
  readonly operation?: string;
  /** ns since the Unix epoch: `sinceNs` inclusive, `untilNs` exclusive. */
  readonly sinceNs: bigint;
  readonly untilNs: bigint;
};

/** What the spans have in common that a rollup counts together. */
export type RollupGroup = {
  readonly service: string;
  readonly operation: string;
  readonly kind: SpanKind;
  readonly status: SpanStatus;
  /** Attribute `error.type` of spans with status `error`; absent where they have none. */
  readonly errorType?: string;
};

/**
 * All spans of a group that were ever stored and start in one minute, late ones included, repeated ones once. Rollups
 * outlive the spans that retention removes; a span that is removed and stored again is counted again. A sampled span
 * counts as many times as its weight says, rounded without bias (`countOf` in `model/sample-weight.ts`).
 */
export type RollupRow = RollupGroup & {
  /** Start of the minute, ns since the Unix epoch. */
  readonly minuteNs: bigint;
  readonly count: number;
  /** Durations in ns, `count` of them. */
  readonly durations: Sketch;
};

/** Calls of one operation in a window. */
export type OperationSummary = Omit<RollupGroup, "status" | "errorType"> & {
  readonly calls: number;
  /** Calls with status `error`. */
  readonly errors: number;
  /** The errors by type, most frequent first. */
  readonly errorTypes: readonly { readonly errorType?: string; readonly count: number }[];
  /** Quantiles of the duration in ns, within 1 %. */
  readonly p50Ns: number;
  readonly p95Ns: number;
  readonly p99Ns: number;
};

/** Operations by service, operation and kind, and the window in whole minutes that they were counted in. */
export type OperationReport = {
  readonly sinceNs: bigint;
  readonly untilNs: bigint;
  readonly operations: readonly OperationSummary[];
};

/** What can be removed by age: whole traces without or with a span of status `error`, or rollups. */
export const PRUNE_KINDS = ["plain", "error", "rollups"] as const;
export type PruneKind = (typeof PRUNE_KINDS)[number];

/** Traces that ended, or whole hours of rollups that ended, before a time (ns since the Unix epoch). */
export type Prunable = {
  readonly kind: PruneKind;
  readonly beforeNs: bigint;
  /** Most spans of one step, a first trace that has more excepted. */
  readonly spans?: number;
};

/** How much was removed, or would be. `rows` counts rows of rollups. */
export type PruneCount = { readonly traces: number; readonly spans: number; readonly rows: number };

/** How large a store is, and how far back it goes. */
export type StoreExtent = {
  /** Bytes on disk. */
  readonly bytes: number;
  /** Bytes of them that hold data; the rest is reused before the store grows. Absent where the store cannot tell. */
  readonly usedBytes?: number;
  /** Start of the oldest trace of either kind, ns since the Unix epoch; absent where there is none. */
  readonly oldestNs: { readonly plain?: bigint; readonly error?: bigint };
};

/**
 * Where spans live. Adapters: `memory.ts`, `sqlite.ts`, `postgres.ts`, all under one contract suite.
 * Errors: `store_open_failed`, `store_write_failed` (nothing of the batch is kept), `usage` for a bad cursor.
 */
export type SpanStore = AsyncDisposable & {
  /** Writes a batch in one transaction; durable when the promise resolves. */
  readonly append: (spans: readonly Span[]) => Promise<AppendResult>;
  /** All spans of a trace by start; empty when unknown. */
  readonly trace: (traceId: string) => Promise<readonly Span[]>;
  /** Newest traces first; `limit` 1 to 1,000. */
  readonly search: (filter: SpanFilter, page: { limit: number; cursor?: string }) => Promise<TracePage>;
  /** Every matching span by start, in batches, in constant memory. */
  readonly spans: (filter: SpanFilter) => AsyncIterable<readonly Span[]>;
  /**
   * Spans that were stored after `cursor`, by whatever process, each once, as long as they are kept; without a cursor
   * none, and the cursor of the present. `limit` 1 to 1,000. In PostgreSQL, what a transaction stores while an older one
   * of the same server is open comes when that has ended; a present of such a moment begins before it.
   */
  readonly arrivals: (page: { limit: number; cursor?: string }) => Promise<ArrivalPage>;
  /** Rollups in batches, by minute; in no stated order within a minute. */
  readonly rollups: (filter: RollupFilter) => AsyncIterable<readonly RollupRow[]>;
  /** Every operation that was called in the window, from rollups: the cost does not grow with the number of spans. */
  readonly operations: (filter: RollupFilter) => Promise<OperationReport>;
  /**
   * Removes some of the oldest, in one short transaction: a few thousand spans or rows, or one larger trace. Nothing is
   * left to remove when it counts nothing.
   */
  readonly prune: (what: Prunable) => Promise<PruneCount>;
  /** All that {@link SpanStore.prune} would remove, one call after the other. */
  readonly prunable: (what: Prunable) => Promise<PruneCount>;
  readonly extent: () => Promise<StoreExtent>;
  /** Gives space that holds no data back as far as the store can; writers wait meanwhile. */
  readonly compact: () => Promise<void>;
};
