import { z } from "zod";
import { parseWindow } from "../../store/filter-text.ts";
import type { RollupFilter } from "../../store/port.ts";
import { OperationsJson, operationsJson, ServicesJson, servicesJson } from "../operation-json.ts";
import { FilterQuery, pageQuery, WindowQuery } from "../query.ts";
import { json, route, type Route } from "../route.ts";
import { asParameter, type ReadParts } from "./traces.ts";

const { service, operation } = FilterQuery.shape;
const OperationsQuery = z.strictObject({ service, operation, ...WindowQuery.shape, ...pageQuery(1_000).shape });
const ServicesQuery = z.strictObject({ ...WindowQuery.shape, ...pageQuery(1_000).shape });

type Wanted = z.output<typeof WindowQuery> & {
  readonly service?: string | undefined;
  readonly operation?: string | undefined;
};

/** `GET /operations` and `GET /services`, from rollups: the cost does not grow with the number of spans. */
export function operationRoutes({ store, clock }: ReadParts): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/operations",
      id: "listOperations",
      summary: "Calls, errors and durations per operation in a window of whole minutes.",
      access: "aggregates",
      query: OperationsQuery,
      answer: { name: "Operations", schema: OperationsJson },
      handle: async ({ query }) =>
        json(operationsJson(await store.operations(rollupFilter(query, clock.now())), query)),
    }),
    route({
      method: "GET",
      path: "/services",
      id: "listServices",
      summary: "The services that were called in a window of whole minutes.",
      access: "aggregates",
      query: ServicesQuery,
      answer: { name: "Services", schema: ServicesJson },
      handle: async ({ query }) => json(servicesJson(await store.operations(rollupFilter(query, clock.now())), query)),
    }),
  ];
}

/** @throws WhetstoneError `usage`: the window ends before it begins. */
export function rollupFilter(wanted: Wanted, now: bigint): RollupFilter {
  const { sinceNs = now, untilNs = now } = parseWindow({ ...wanted, until: wanted.until ?? "-0s" }, now, asParameter);
  return {
    sinceNs,
    untilNs,
    ...(wanted.service !== undefined && { service: wanted.service }),
    ...(wanted.operation !== undefined && { operation: wanted.operation }),
  };
}
