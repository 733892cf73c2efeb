import type pg from "pg";
import type { LogRecord } from "../model/log.ts";
import { internKey } from "./intern.ts";
import type { LogStore } from "./log-port.ts";
import { encodeLogs, type EncodedLog } from "./log-row.ts";
import { searchLogs } from "./log-search.ts";
import type { PostgresAccess } from "./postgres-attempt.ts";
import { internAll, RESOURCES, SCOPES, type InternTable } from "./postgres-intern.ts";
import { selectAll } from "./postgres-transaction.ts";
import { oldestLogQuery, prunableLogsQuery, pruneLogsQuery } from "./queries/logs.ts";
import { POSTGRES, type Query, type SqlValue } from "./queries/sql.ts";

/** The logs of a PostgreSQL store. */
export function postgresLogs({ pool, read, transact }: PostgresAccess): LogStore {
  const select = (query: Query) => read(() => selectAll(pool, query));
  const one = async (query: Query) => (await read(() => selectAll<Record<string, string | null>>(pool, query)))[0];
  return {
    append: async (records) => {
      if (records.length === 0) return { stored: 0, duplicates: 0 };
      const stored = await transact((client) => appendLogs(client, records));
      return { stored, duplicates: records.length - stored };
    },
    search: (filter, page) => searchLogs(select, POSTGRES, { filter, page }),
    prune: (beforeNs) =>
      transact(async (client) => {
        const { sql, params } = pruneLogsQuery(beforeNs, POSTGRES);
        return (await client.query(sql, [...params])).rowCount ?? 0;
      }),
    prunable: async (beforeNs) => Number((await one(prunableLogsQuery(beforeNs, POSTGRES)))?.["n"]),
    oldestNs: async () => {
      const oldest = (await one(oldestLogQuery(POSTGRES)))?.["oldest"];
      return oldest === null || oldest === undefined ? undefined : BigInt(oldest);
    },
  };
}

const STREAMS: InternTable = {
  name: "whetstone.log_streams",
  columns: [
    ["service", "text"],
    ["resource_ref", "bigint"],
    ["scope_ref", "bigint"],
  ],
};

type Referring = Pick<EncodedLog, "row" | "digest"> & { readonly ref: string };

type Column = readonly [name: string, type: string, value: (log: Referring) => SqlValue];

const COLUMNS: readonly Column[] = [
  ["time_ns", "bigint", ({ row }) => row.timeNs],
  ["digest", "bytea", ({ digest }) => digest],
  ["stream_ref", "bigint", ({ ref }) => ref],
  ["observed_ns", "bigint", ({ row }) => row.observedNs],
  ["severity", "smallint", ({ row }) => row.severity],
  ["severity_text", "text", ({ row }) => row.severityText],
  ["body", "text", ({ row }) => row.body],
  ["body_is_json", "smallint", ({ row }) => row.bodyIsJson],
  ["event_name", "text", ({ row }) => row.eventName],
  ["trace_id", "bytea", ({ row }) => row.traceId],
  ["span_id", "bytea", ({ row }) => row.spanId],
  ["attributes", "text", ({ row }) => row.attributes],
  ["dropped", "bigint", ({ row }) => row.dropped],
];

/** Records per INSERT: bounds the size of one statement. */
const ROWS_PER_INSERT = 5_000;

// Rows in one order: two writers that repeat the same records cannot wait for each other.
const INSERT = `INSERT INTO whetstone.logs (${COLUMNS.map(([name]) => name).join(", ")})
  SELECT * FROM unnest(${COLUMNS.map(([, type], at) => `$${at + 1}::${type}[]`).join(", ")}) ORDER BY 1, 2
  ON CONFLICT DO NOTHING`;

/** Writes a batch inside the transaction of `client`; returns how many records were new. */
async function appendLogs(client: pg.PoolClient, records: readonly LogRecord[]): Promise<number> {
  const encoded = encodeLogs(records);
  const ownOf = (name: "resource" | "scope") => encoded.map(({ stream }) => [stream[name]]);
  const resources = await internAll(client, RESOURCES, ownOf("resource"));
  const scopes = await internAll(client, SCOPES, ownOf("scope"));
  const streams = encoded.map(({ stream: { service, resource, scope } }) => [
    service,
    resources.get(resource) ?? "",
    scopes.get(scope) ?? "",
  ]);
  const refs = await internAll(client, STREAMS, streams);
  const rows = encoded.map((one, at) => ({ ...one, ref: refs.get(internKey(streams[at] ?? []).text) ?? "" }));
  let stored = 0;
  for (let at = 0; at < rows.length; at += ROWS_PER_INSERT) {
    const part = rows.slice(at, at + ROWS_PER_INSERT);
    const arrays = COLUMNS.map(([, , value]) => part.map(value));
    stored += (await client.query(INSERT, arrays)).rowCount ?? 0;
  }
  return stored;
}
