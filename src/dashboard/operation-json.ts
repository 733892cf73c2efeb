import { z } from "zod";
import { Instant } from "../model/json.ts";
import { SPAN_KINDS, SpanKind } from "../model/span.ts";
import { formatInstant } from "../model/time.ts";
import type { OperationReport, OperationSummary } from "../store/port.ts";
import { pageOf, type PageRequest } from "./page.ts";

const Counted = { total: z.int(), returned: z.int(), nextCursor: z.string().optional() };

/** The window in whole minutes that something was counted in. */
export const WindowJson = z.object({ since: Instant, until: Instant });

const OperationJson = z.object({
  service: z.string(),
  operation: z.string(),
  kind: SpanKind,
  calls: z.int(),
  errors: z.int(),
  errorRate: z.number(),
  errorTypes: z
    .array(z.object({ errorType: z.string().optional(), count: z.int() }))
    .describe("The errors by type, most frequent first."),
  p50Ms: z.number(),
  p95Ms: z.number(),
  p99Ms: z.number(),
});

/** Calls, errors and quantiles of duration (within 1 %) per operation, from rollups. */
export const OperationsJson = z.object({ window: WindowJson, operations: z.array(OperationJson), ...Counted });
export type OperationsJson = z.infer<typeof OperationsJson>;

/** The services that were called. */
export const ServicesJson = z.object({
  window: WindowJson,
  services: z.array(z.object({ service: z.string(), operations: z.int(), calls: z.int(), errors: z.int() })),
  ...Counted,
});
export type ServicesJson = z.infer<typeof ServicesJson>;

/** A page of a report, by service, operation and kind. */
export function operationsJson(report: OperationReport, page: PageRequest): OperationsJson {
  const key = ({ service, operation, kind }: OperationSummary) => [service, operation, `${SPAN_KINDS.indexOf(kind)}`];
  const { items, ...counted } = pageOf(report.operations, key, page);
  return { window: windowJson(report), operations: items.map(operationJson), ...counted };
}

/** A page of the services of a report, by name. */
export function servicesJson(report: OperationReport, page: PageRequest): ServicesJson {
  const services = new Map<string, ServicesJson["services"][number]>();
  for (const { service, calls, errors } of report.operations) {
    const known = services.get(service) ?? { service, operations: 0, calls: 0, errors: 0 };
    services.set(service, {
      service,
      operations: known.operations + 1,
      calls: known.calls + calls,
      errors: known.errors + errors,
    });
  }
  const { items, ...counted } = pageOf([...services.values()], ({ service }) => [service], page);
  return { window: windowJson(report), services: [...items], ...counted };
}

/** The window of a report. */
export const windowJson = ({ sinceNs, untilNs }: Pick<OperationReport, "sinceNs" | "untilNs">) => ({
  since: formatInstant(sinceNs),
  until: formatInstant(untilNs),
});

function operationJson({ p50Ns, p95Ns, p99Ns, errorTypes, ...rest }: OperationSummary) {
  return {
    ...rest,
    errorRate: rest.calls === 0 ? 0 : rest.errors / rest.calls,
    errorTypes: [...errorTypes],
    p50Ms: p50Ns / 1e6,
    p95Ms: p95Ns / 1e6,
    p99Ms: p99Ns / 1e6,
  };
}
