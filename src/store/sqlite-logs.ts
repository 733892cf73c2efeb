import type { DatabaseSync } from "node:sqlite";
import type { LogRecord } from "../model/log.ts";
import type { LogStore } from "./log-port.ts";
import { encodeLogs, type EncodedLog } from "./log-row.ts";
import { searchLogs } from "./log-search.ts";
import type { AppendResult } from "./port.ts";
import { oldestLogQuery, prunableLogsQuery, pruneLogsQuery } from "./queries/logs.ts";
import { SQLITE, type Query } from "./queries/sql.ts";
import type { SqliteAccess } from "./sqlite-attempt.ts";
import { internTable, sqliteInterner } from "./sqlite-intern.ts";
import { inTransaction, named, selectAll } from "./sqlite-query.ts";

/** The logs of a SQLite store. */
export function sqliteLogs({ db, read, write }: SqliteAccess): LogStore {
  let appender: ReturnType<typeof logAppender> | undefined;
  const select = async (query: Query) => {
    const rows = await read(() => selectAll(db, query));
    // Between two stretches of a long search the event loop has its turn.
    await new Promise(setImmediate);
    return rows;
  };
  const one = (query: Query) => read(() => selectAll(db, query)[0]);
  return {
    append: (records) => write(() => (appender ??= logAppender(db))(records)),
    search: (filter, page) => searchLogs(select, SQLITE, { filter, page }),
    prune: (beforeNs) =>
      write(() => {
        const { sql, params } = pruneLogsQuery(beforeNs, SQLITE);
        return inTransaction(db, "BEGIN IMMEDIATE", () => Number(db.prepare(sql).run(named(params)).changes));
      }),
    prunable: async (beforeNs) => Number((await one(prunableLogsQuery(beforeNs, SQLITE)))?.["n"]),
    oldestNs: async () => {
      const oldest = (await one(oldestLogQuery(SQLITE)))?.["oldest"] as bigint | null;
      return oldest ?? undefined;
    },
  };
}

/** Appends a batch in one transaction; throws what SQLite throws, with nothing kept. */
function logAppender(db: DatabaseSync): (records: readonly LogRecord[]) => AppendResult {
  const shared = sqliteInterner(db);
  const streams = internTable(db, "log_streams", { columns: ["service", "resource_ref", "scope_ref"] });
  const insert = db.prepare(`INSERT INTO logs (time_ns, digest, stream_ref, observed_ns, severity, severity_text, body,
    body_is_json, event_name, trace_id, span_id, attributes, dropped)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`);
  const write = ({ stream, row, digest }: EncodedLog): number => {
    const refs = [`${shared.resource(stream.resource)}`, `${shared.scope(stream.scope)}`];
    const ref = streams.ref([stream.service, ...refs]);
    const { timeNs, observedNs, severity, severityText, body, bodyIsJson, eventName, traceId, spanId } = row;
    const said = [observedNs, severity, severityText, body, bodyIsJson, eventName, traceId, spanId];
    return Number(insert.run(timeNs, digest, ref, ...said, row.attributes, row.dropped).changes);
  };
  return (records) => {
    if (records.length === 0) return { stored: 0, duplicates: 0 };
    const encoded = encodeLogs(records);
    try {
      const stored = inTransaction(db, "BEGIN IMMEDIATE", () => encoded.reduce((sum, one) => sum + write(one), 0));
      return { stored, duplicates: records.length - stored };
    } catch (thrown) {
      shared.forget();
      streams.refs.clear();
      throw thrown;
    }
  };
}
