import type fc from "fast-check";
import { serviceOf } from "../../../src/capture/otlp/decode.ts";
import { scopeFrom } from "../../../src/capture/otlp/fields.ts";
import type { Json } from "../../../src/model/json.ts";
import type { LogRecord } from "../../../src/model/log.ts";
import type { MetricPoint } from "../../../src/model/metric.ts";
import type { Scope } from "../../../src/model/span.ts";
import { logSet } from "../../store/log-records.ts";
import { pointSet } from "../../store/points.ts";

/** Protobuf has UTF-8 only: without halves of surrogate pairs. */
function wellFormed<T>(value: T): T {
  if (typeof value === "string") return value.toWellFormed() as T;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => wellFormed<unknown>(item)) as T;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key.toWellFormed(), wellFormed<unknown>(one)]),
  ) as T;
}

const withService = <T extends { readonly resource: Record<string, Json> }>(of: T): T => ({
  ...of,
  service: serviceOf(of.resource),
});

/** Points as a request can hold them. */
export const anyPoints: fc.Arbitrary<readonly MetricPoint[]> = pointSet.map((points) =>
  points.map(wellFormed).map((point) => ({
    ...point,
    series: scoped(withService(point.series)),
    // Summaries have none in OTLP.
    exemplars: point.series.type === "summary" ? [] : point.exemplars,
  })),
);

/** Records as a request can hold them: texts that are empty, and a body of nothing, are absent. */
export const anyRecords: fc.Arbitrary<readonly LogRecord[]> = logSet.map((records) =>
  records.map(wellFormed).map((record) => {
    const { severityText, eventName, body, ...rest } = scoped(withService(record));
    return {
      ...rest,
      ...(severityText !== undefined && severityText !== "" && { severityText }),
      ...(eventName !== undefined && eventName !== "" && { eventName }),
      ...(body !== undefined && body !== null && { body }),
    };
  }),
);

function scoped<T extends { readonly scope: Scope }>(of: T): T {
  return { ...of, scope: scopeFrom(of.scope) };
}
