import { SpanId, TraceId } from "../model/span.ts";
import { checkLogSearch, decodeLogCursor, encodeLogCursor } from "./log-filter.ts";
import type { LogFilter, LogPage } from "./log-port.ts";
import { logFromRow, type SelectedLog } from "./log-row.ts";
import { logCountQuery, logStretchEndQuery, logStretchQuery, type LogSearch } from "./queries/logs.ts";
import type { Dialect, Query } from "./queries/sql.ts";
import { idHex } from "./row.ts";

/** Records that a query looks at. */
const STRETCH = 2_000;

/** Records that are looked at to count the matching ones; where there are more, there is no total. */
const COUNTED = 10_000;

/** Runs a query; between two of them others have their turn. */
export type SelectLogs = (query: Query) => Promise<readonly unknown[]>;

/** A page of a search, stretch by stretch. @throws WhetstoneError `usage` for a bad cursor, limit or severity */
export async function searchLogs(
  select: SelectLogs,
  dialect: Dialect,
  { filter, page }: { filter: LogFilter; page: { limit: number; cursor?: string } },
): Promise<LogPage> {
  checkLogSearch(filter, page);
  const start = page.cursor === undefined ? undefined : decodeLogCursor(page.cursor);
  if (!areIds(filter)) return { records: [], total: 0 };
  const { found, isAll } = await collect(select, { filter, dialect, after: start }, page.limit + 1);
  const shown = found.slice(0, page.limit);
  const last = shown.at(-1);
  const hasMore = last !== undefined && found.length > shown.length;
  const isComplete = isAll && !hasMore && start === undefined;
  const total = isComplete ? shown.length : await countLogs(select, { filter, dialect, after: undefined });
  return {
    records: shown.map(logFromRow),
    ...(total !== undefined && { total }),
    ...(hasMore && { nextCursor: encodeLogCursor(placeOf(last)) }),
  };
}

/** Whether what is looked for can be an id at all; nothing has another one. */
const areIds = ({ traceId, spanId }: LogFilter): boolean =>
  (traceId === undefined || TraceId.safeParse(traceId).success) &&
  (spanId === undefined || SpanId.safeParse(spanId).success);

const placeOf = ({ time_ns: timeNs, digest }: Pick<SelectedLog, "time_ns" | "digest">) => ({
  timeNs: BigInt(timeNs),
  digest: idHex(digest),
});

async function collect(select: SelectLogs, search: LogSearch, wanted: number) {
  const found: SelectedLog[] = [];
  for (let { after } = search; ;) {
    const from = { ...search, after };
    found.push(...((await select(logStretchQuery(from, STRETCH, wanted - found.length))) as SelectedLog[]));
    if (found.length >= wanted) return { found, isAll: false };
    const [end] = (await select(logStretchEndQuery(from, STRETCH))) as SelectedLog[];
    if (end === undefined) return { found, isAll: true };
    after = placeOf(end);
  }
}

async function countLogs(select: SelectLogs, search: LogSearch): Promise<number | undefined> {
  const [end] = await select(logStretchEndQuery(search, COUNTED + 1));
  if (end !== undefined) return undefined;
  const [row] = (await select(logCountQuery(search, COUNTED))) as { n: bigint | string }[];
  return Number(row?.n);
}
