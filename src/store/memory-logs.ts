import type { LogRecord } from "../model/log.ts";
import {
  checkLogSearch,
  decodeLogCursor,
  encodeLogCursor,
  foldAscii,
  needleOf,
  type LogPosition,
} from "./log-filter.ts";
import type { LogFilter, LogStore } from "./log-port.ts";
import { encodeLogs, logFromRow, type EncodedLog } from "./log-row.ts";
import { hasAttribute } from "./match.ts";
import { idHex } from "./row.ts";

type Kept = LogPosition & { readonly record: LogRecord; readonly body: string | null };

/** Memory twin of {@link LogStore}. */
export function memoryLogs(): LogStore {
  const all = new Map<string, Kept>();
  const older = (beforeNs: bigint) => [...all].filter(([, { timeNs }]) => timeNs < beforeNs).map(([key]) => key);
  return {
    append: async (records) => {
      const encoded = encodeLogs(records);
      const before = all.size;
      for (const one of encoded) {
        const kept = keptOf(one);
        const key = keyOf(kept);
        if (!all.has(key)) all.set(key, kept);
      }
      const stored = all.size - before;
      return { stored, duplicates: records.length - stored };
    },
    search: async (filter, page) => {
      checkLogSearch(filter, page);
      const after = page.cursor === undefined ? undefined : decodeLogCursor(page.cursor);
      const found = [...all.values()].filter((one) => isWanted(one, filter)).sort(newestFirst);
      const rest = found.filter((one) => after === undefined || newestFirst(after, one) < 0);
      const shown = rest.slice(0, page.limit);
      const last = shown.at(-1);
      return {
        records: shown.map(({ record }) => record),
        total: found.length,
        ...(last !== undefined && rest.length > shown.length && { nextCursor: encodeLogCursor(last) }),
      };
    },
    prune: async (beforeNs) => {
      const removed = older(beforeNs);
      for (const key of removed) all.delete(key);
      return removed.length;
    },
    prunable: async (beforeNs) => older(beforeNs).length,
    oldestNs: async () => [...all.values()].sort(newestFirst).at(-1)?.timeNs,
  };
}

const keyOf = ({ timeNs, digest }: LogPosition): string => `${timeNs}/${digest}`;

/** Through the codec of the other stores, so that all of them give the same answers. */
function keptOf({ row, stream, digest }: EncodedLog): Kept {
  const record = logFromRow({
    ...row,
    ...stream,
    digest,
    time_ns: row.timeNs,
    observed_ns: row.observedNs,
    severity_text: row.severityText,
    body_is_json: row.bodyIsJson,
    event_name: row.eventName,
    trace_id: row.traceId,
    span_id: row.spanId,
  });
  return { record, body: row.body, timeNs: row.timeNs, digest: idHex(digest) };
}

function newestFirst(a: LogPosition, b: LogPosition): number {
  if (a.timeNs !== b.timeNs) return a.timeNs > b.timeNs ? -1 : 1;
  if (a.digest === b.digest) return 0;
  return a.digest > b.digest ? -1 : 1;
}

const isWanted = ({ record, body, timeNs }: Kept, filter: LogFilter): boolean =>
  (filter.service === undefined || record.service === filter.service) &&
  (filter.minSeverity === undefined || (record.severity ?? 0) >= filter.minSeverity) &&
  (filter.traceId === undefined || record.traceId === filter.traceId) &&
  (filter.spanId === undefined || record.spanId === filter.spanId) &&
  (filter.eventName === undefined || record.eventName === filter.eventName) &&
  (filter.text === undefined || (body !== null && foldAscii(body).includes(needleOf(filter.text)))) &&
  (filter.sinceNs === undefined || timeNs >= filter.sinceNs) &&
  (filter.untilNs === undefined || timeNs < filter.untilNs) &&
  Object.entries(filter.attributes ?? {}).every(([key, text]) => hasAttribute(record, key, text));
