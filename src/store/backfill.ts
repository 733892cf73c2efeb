import { ATTR, SPAN_STATUSES, type Attributes } from "../model/span.ts";
import { rollupDeltas, type CountedSpan, type RollupDelta } from "./rollup.ts";
import { idHex, memberAt } from "./row.ts";
import { decodeJson } from "./text.ts";

/** The migration that brought rollups: right after it the spans that are there are counted. */
export const ROLLUP_MIGRATION = 2;

/** Columns of {@link CountedRow} from `spans`; attributes only where they may hold an error's type or a weight. */
export const COUNTED_COLUMNS = `span_id, operation_ref, start_ns, duration_ns, status,
  CASE WHEN status = ${SPAN_STATUSES.indexOf("error")} OR attributes LIKE '%${ATTR.sampleWeight}%'
    THEN attributes END AS attributes`;

/** A span as far as rollups count it; integers as the driver gives them. */
export type CountedRow<Operation> = {
  readonly span_id: Uint8Array;
  readonly operation_ref: Operation;
  readonly start_ns: bigint | string;
  readonly duration_ns: bigint | string;
  readonly status: bigint | number;
  readonly attributes: string | null;
};

/** What a batch of spans that are stored already adds to rollups. */
export function countRows<Operation extends bigint | string>(
  rows: readonly CountedRow<Operation>[],
): readonly RollupDelta<Operation>[] {
  const deltas = rollupDeltas<Operation>();
  for (const row of rows) deltas.add(row.operation_ref, spanOf(row));
  return deltas.all();
}

const spanOf = (row: CountedRow<unknown>): CountedSpan => ({
  spanId: idHex(row.span_id),
  startNs: BigInt(row.start_ns),
  durationNs: Number(row.duration_ns),
  status: memberAt(SPAN_STATUSES, row.status),
  attributes: row.attributes === null ? {} : (decodeJson(row.attributes) as Attributes),
});
