import { SPAN_STATUSES } from "../../model/span.ts";
import { inRange } from "../cursor.ts";
import { checkFilter } from "../match.ts";
import type { RollupFilter, SpanFilter } from "../port.ts";
import { attributeCodes, encodeKey, encodeText } from "../text.ts";
import type { Binder, Dialect } from "./sql.ts";

/**
 * SQL conditions on `spans s` that hold exactly where `matches` of `match.ts` does; empty without filters.
 * @throws WhetstoneError `usage` for a duration that is not a number.
 */
export function spanConditions(filter: SpanFilter, dialect: Dialect, { bind }: Binder): readonly string[] {
  checkFilter(filter);
  const conditions = [...indexedConditions(filter, dialect, { bind })];
  if (filter.status !== undefined) conditions.push(`s.status = ${bind(SPAN_STATUSES.indexOf(filter.status))}`);
  const { minDurationNs: min, maxDurationNs: max } = filter;
  if (min !== undefined) conditions.push(`s.duration_ns >= ${bind(wholeNs(Math.ceil(min)))}`);
  if (max !== undefined) conditions.push(`s.duration_ns <= ${bind(wholeNs(Math.floor(max)))}`);
  for (const [key, text] of Object.entries(filter.attributes ?? {})) {
    conditions.push(attributeCondition({ key, text }, dialect, { bind }));
  }
  return conditions;
}

/** Those of {@link spanConditions} that an index answers. */
export function indexedConditions(filter: SpanFilter, dialect: Dialect, { bind }: Bind): readonly string[] {
  const { sinceNs, untilNs } = filter;
  const conditions = [...operationConditions(filter, dialect, { bind })];
  if (sinceNs !== undefined) conditions.push(`${dialect.start} >= ${bind(inRange(sinceNs))}`);
  if (untilNs !== undefined) conditions.push(`${dialect.start} < ${bind(inRange(untilNs))}`);
  return conditions;
}

type Bind = Pick<Binder, "bind">;

/** SQL conditions on the column {@link Dialect.operation} for service and operation; empty without them. */
export function operationConditions(
  filter: Pick<SpanFilter | RollupFilter, "service" | "operation">,
  dialect: Dialect,
  { bind }: Bind,
): readonly string[] {
  const on = [
    ...(filter.service === undefined ? [] : [`service = ${bind(encodeText(filter.service))}`]),
    ...(filter.operation === undefined ? [] : [`name = ${bind(encodeText(filter.operation))}`]),
  ];
  if (on.length === 0) return [];
  return [`${dialect.operation} IN (SELECT ref FROM ${dialect.schema}operations WHERE ${on.join(" AND ")})`];
}

/** SQL condition on the columns `attributes` and `resource_ref` of a table called `s`: either has this attribute. */
export function attributeCondition(wanted: { key: string; text: string }, dialect: Dialect, { bind }: Bind): string {
  const key = bind(dialect.memberKey(encodeKey(wanted.key)));
  const codes = attributeCodes(wanted.text).map(bind).join(", ");
  const own = `${dialect.member("s.attributes", key)} IN (${codes})`;
  const shared = `SELECT ref FROM ${dialect.schema}resources r WHERE ${dialect.member("r.attributes", key)} IN (${codes})`;
  return `(${own} OR s.resource_ref IN (${shared}))`;
}

/** A duration to compare with. No span is longer than 2^53 - 1 ns, so clamping changes no answer. */
export function wholeNs(ns: number): bigint {
  return BigInt(Math.min(Math.max(ns, -1), 2 ** 53));
}
