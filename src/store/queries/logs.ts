import { SEVERITIES } from "../../model/log.ts";
import { inRange } from "../cursor.ts";
import { needleOf, type LogPosition } from "../log-filter.ts";
import type { LogFilter } from "../log-port.ts";
import { encodeText } from "../text.ts";
import { attributeCondition } from "./filter.ts";
import { binder, whereClause, type Binder, type Dialect, type Query } from "./sql.ts";

/** What a search looks for, from where, in which database. */
export type LogSearch = {
  readonly filter: LogFilter;
  readonly after: LogPosition | undefined;
  readonly dialect: Dialect;
};

const OWN = `time_ns, digest, observed_ns, severity, severity_text, body, body_is_json, event_name, trace_id, span_id,
  attributes, dropped`;

const columns = (alias: string): string => OWN.replaceAll(/\w+/g, (name) => `${alias}.${name}`);

const ORDER = "time_ns DESC, digest DESC";

/**
 * Matching records among the next `stretch` ones, newest first, as `SelectedLog`; at most `limit`. Looking at a stretch
 * at a time bounds how long a search for what is rare holds an embedded store up.
 */
export function logStretchQuery(search: LogSearch, stretch: number, limit: number): Query {
  const binding = binder();
  const { schema } = search.dialect;
  const sql = `SELECT ${columns("s")}, s.service, r.attributes AS resource, c.scope
    FROM ${stretchOf(search, stretch, binding)} s
    JOIN ${schema}resources r ON r.ref = s.resource_ref JOIN ${schema}scopes c ON c.ref = s.scope_ref
    ${whereClause(conditions(search, binding))} ORDER BY s.time_ns DESC, s.digest DESC LIMIT ${limit}`;
  return { sql, params: binding.params };
}

/** Place of the last record of a stretch; no row where fewer were left. */
export function logStretchEndQuery(search: LogSearch, stretch: number): Query {
  const binding = binder();
  const where = whereClause(indexed(search, binding));
  const sql = `SELECT l.time_ns, l.digest FROM ${search.dialect.schema}logs l${where}
    ORDER BY l.time_ns DESC, l.digest DESC LIMIT 1 OFFSET ${stretch - 1}`;
  return { sql, params: binding.params };
}

/** Matching records among the next `stretch` ones as `n`. */
export function logCountQuery(search: LogSearch, stretch: number): Query {
  const binding = binder();
  const from = stretchOf(search, stretch, binding);
  const sql = `SELECT count(*) AS n FROM ${from} s${whereClause(conditions(search, binding))}`;
  return { sql, params: binding.params };
}

function stretchOf(search: LogSearch, stretch: number, binding: Binder): string {
  const { schema } = search.dialect;
  const where = whereClause(indexed(search, binding));
  const some = `SELECT ${OWN}, stream_ref FROM ${schema}logs l${where} ORDER BY ${ORDER} LIMIT ${stretch}`;
  return `(SELECT ${columns("l")}, t.service, t.resource_ref, t.scope_ref
    FROM (${some}) l JOIN ${schema}log_streams t ON t.ref = l.stream_ref)`;
}

/** Conditions that an index answers. */
function indexed({ filter, after }: LogSearch, { bind }: Binder): readonly string[] {
  const { sinceNs, untilNs, traceId, minSeverity = 1 } = filter;
  const where: string[] = [];
  if (after !== undefined) {
    where.push(`(l.time_ns, l.digest) < (${bind(after.timeNs)}, ${bind(Buffer.from(after.digest, "hex"))})`);
  }
  if (sinceNs !== undefined) where.push(`l.time_ns >= ${bind(inRange(sinceNs))}`);
  if (untilNs !== undefined) where.push(`l.time_ns < ${bind(inRange(untilNs))}`);
  if (traceId !== undefined) where.push(`l.trace_id = ${bind(Buffer.from(traceId, "hex"))}`);
  // As the index on errors has it.
  if (minSeverity >= SEVERITIES.error) where.push(`l.severity >= ${SEVERITIES.error}`);
  return where;
}

/** The others, on the rows of a stretch. */
function conditions({ filter, dialect }: LogSearch, binding: Binder): readonly string[] {
  const { bind } = binding;
  const { service, minSeverity, spanId, text, eventName, attributes = {} } = filter;
  const where: string[] = [];
  if (service !== undefined) where.push(`s.service = ${bind(encodeText(service))}`);
  if (minSeverity !== undefined) where.push(`s.severity >= ${bind(minSeverity)}`);
  if (spanId !== undefined) where.push(`s.span_id = ${bind(Buffer.from(spanId, "hex"))}`);
  if (text !== undefined) where.push(dialect.contains("s.body", bind(needleOf(text))));
  if (eventName !== undefined) where.push(`s.event_name = ${bind(encodeText(eventName))}`);
  for (const [key, wanted] of Object.entries(attributes)) {
    where.push(attributeCondition({ key, text: wanted }, dialect, binding));
  }
  return where;
}

/** Records that one step of retention removes: what keeps its transaction short. */
const PRUNE_STEP = 2_000;

/** Removes the oldest records of one step. */
export function pruneLogsQuery(beforeNs: bigint, { schema }: Dialect): Query {
  const some = `SELECT ref FROM ${schema}logs WHERE time_ns < $1 ORDER BY time_ns LIMIT ${PRUNE_STEP}`;
  return { sql: `DELETE FROM ${schema}logs WHERE ref IN (${some})`, params: [inRange(beforeNs)] };
}

/** Counts all records that can be removed as `n`. */
export function prunableLogsQuery(beforeNs: bigint, { schema }: Dialect): Query {
  return { sql: `SELECT count(*) AS n FROM ${schema}logs WHERE time_ns < $1`, params: [inRange(beforeNs)] };
}

/** Time of the oldest record as `oldest`, null where there is none. */
export const oldestLogQuery = ({ schema }: Dialect): Query => ({
  sql: `SELECT min(time_ns) AS oldest FROM ${schema}logs`,
  params: [],
});
