import type { LogRecord } from "../model/log.ts";
import type { AppendResult } from "./port.ts";

/** Which records; all conditions hold together. Times in ns since the Unix epoch. */
export type LogFilter = {
  readonly service?: string;
  /** 1 to 24; records without a severity have less than any. */
  readonly minSeverity?: number;
  readonly traceId?: string;
  readonly spanId?: string;
  /** Found anywhere in the body, ASCII letters in either case; bodies that are no text are searched as JSON text. */
  readonly text?: string;
  readonly eventName?: string;
  /** Equality on the record's own or its resource's attributes; numbers and booleans by their JSON text. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** `sinceNs` inclusive, `untilNs` exclusive. */
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
};

/** A page of records, newest first. */
export type LogPage = {
  readonly records: readonly LogRecord[];
  /** Matching records in all; absent where counting them would take much longer than finding the page. */
  readonly total?: number;
  /** Opaque; absent on the last page. */
  readonly nextCursor?: string;
};

/**
 * Where log records live.
 * Errors: `usage` for a bad cursor, limit or filter; `store_write_failed` (nothing of the batch is kept),
 * `store_read_failed`.
 */
export type LogStore = {
  /**
   * Writes a batch in one transaction. Log records have no id: one that equals a stored record in everything (but when
   * it was observed) is taken for a repetition and left out, but equal records within one batch are all kept, so that sending a batch again stores none.
   */
  readonly append: (records: readonly LogRecord[]) => Promise<AppendResult>;
  /** Newest first; `limit` 1 to 1,000. */
  readonly search: (filter: LogFilter, page: { limit: number; cursor?: string }) => Promise<LogPage>;
  /** Removes some records older than `beforeNs` in one short transaction; nothing is left when it returns 0. */
  readonly prune: (beforeNs: bigint) => Promise<number>;
  /** How many records {@link LogStore.prune} would remove in all. */
  readonly prunable: (beforeNs: bigint) => Promise<number>;
  /** Time of the oldest record, ns since the Unix epoch; undefined when there is none. */
  readonly oldestNs: () => Promise<bigint | undefined>;
};
