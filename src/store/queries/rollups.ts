import { SPAN_KINDS, SPAN_STATUSES } from "../../model/span.ts";
import { sketchCount } from "../../stats/sketch.ts";
import type { ReportPart } from "../operation-report.ts";
import type { RollupFilter, RollupGroup, RollupRow } from "../port.ts";
import { minutesOf, minuteStart, type RollupRange } from "../rollup.ts";
import { memberAt } from "../row.ts";
import { addEncodedSketch } from "../sketch-bytes.ts";
import { decodeText } from "../text.ts";
import { operationConditions } from "./filter.ts";
import { binder, whereClause, type Dialect, type Query } from "./sql.ts";

/** A row of a rollup query; integers as the driver gives them. */
export type SelectedRollup = {
  readonly operation_ref: bigint | string;
  readonly slot: bigint | string;
  readonly status: bigint | number;
  readonly error_ref: bigint | string;
  readonly spans: bigint | string;
  readonly sketch: Uint8Array;
  readonly service: string;
  readonly name: string;
  readonly kind: bigint | number;
  readonly error_type: string | null;
};

/** Rows per batch of a stream of rollups. */
export const ROLLUP_BATCH = 1_000;

const KEY = "r.slot, r.operation_ref, r.status, r.error_ref";

/** All rollup rows of a range, for sums over it. */
export function rangeQuery(range: RollupRange, filter: RollupFilter, dialect: Dialect): Query {
  const { bind, params } = binder();
  const { schema } = dialect;
  const where = [
    `r.width = ${range.width}`,
    `r.slot >= ${bind(BigInt(range.from))}`,
    `r.slot < ${bind(BigInt(range.to))}`,
    ...operationConditions(filter, { ...dialect, operation: "r.operation_ref" }, { bind }),
  ];
  const sql = `SELECT ${KEY}, r.spans, r.sketch, o.service, o.name, o.kind, e.name AS error_type
    FROM ${schema}rollups r JOIN ${schema}operations o ON o.ref = r.operation_ref
    LEFT JOIN ${schema}error_types e ON e.ref = r.error_ref${whereClause(where)}`;
  return { sql, params };
}

/** The next {@link ROLLUP_BATCH} rollups by minute after `last` by (minute, operation, status, error type). */
export function rollupBatchQuery(filter: RollupFilter, last: SelectedRollup | undefined, dialect: Dialect): Query {
  const minutes = minutesOf(filter);
  const order = ` ORDER BY ${KEY} LIMIT ${ROLLUP_BATCH}`;
  if (last === undefined) {
    const { sql, params } = rangeQuery(minutes, filter, dialect);
    return { sql: sql + order, params };
  }
  const { sql, params } = rangeQuery({ ...minutes, from: Number(last.slot) }, filter, dialect);
  const place = [last.slot, last.operation_ref, last.status, last.error_ref].map(BigInt);
  const names = place.map((_, at) => `$${params.length + at + 1}`).join(", ");
  return { sql: `${sql} AND (${KEY}) > (${names})${order}`, params: [...params, ...place] };
}

function groupOf(row: SelectedRollup): RollupGroup {
  return {
    service: decodeText(row.service),
    operation: decodeText(row.name),
    kind: memberAt(SPAN_KINDS, row.kind),
    status: memberAt(SPAN_STATUSES, row.status),
    ...(row.error_type === null ? {} : { errorType: decodeText(row.error_type) }),
  };
}

function rollupOf(row: SelectedRollup): RollupRow {
  const durations = new Map<number, number>();
  addEncodedSketch(durations, row.sketch);
  return { ...groupOf(row), minuteNs: minuteStart(Number(row.slot)), count: sketchCount(durations), durations };
}

const ERROR = SPAN_STATUSES.indexOf("error");

/** What a selected row adds to a report. */
export function partOf(row: SelectedRollup): ReportPart {
  return {
    key: row.operation_ref,
    group: () => groupOf(row),
    isError: Number(row.status) === ERROR,
    count: Number(row.spans),
    addTo: (sketch) => addEncodedSketch(sketch, row.sketch),
  };
}

/** The rollups that batches of rows hold. */
export async function* rollupRows(
  batches: AsyncIterable<readonly SelectedRollup[]>,
): AsyncGenerator<readonly RollupRow[]> {
  for await (const batch of batches) yield batch.map(rollupOf);
}
