import { z } from "zod";
import { WhetstoneError } from "../../model/error.ts";
import { TraceId } from "../../model/span.ts";
import type { Clock } from "../../model/time.ts";
import { TraceJson, traceJson, TracePageJson, tracePageJson } from "../../model/trace-json.ts";
import { parseFilter } from "../../store/filter-text.ts";
import type { SpanStore } from "../../store/port.ts";
import { FilterQuery, pageQuery } from "../query.ts";
import { json, route, type Route } from "../route.ts";

/** What the routes of this folder read from. */
export type ReadParts = {
  readonly store: Pick<SpanStore, "search" | "trace" | "operations">;
  readonly clock: Pick<Clock, "now">;
};

/** Parameters are called by their own names, not as flags. */
export const asParameter = (name: string): string => name;

const SearchQuery = z.strictObject({ ...FilterQuery.shape, ...pageQuery(20).shape });

/** A trace id in either case. */
const TraceParams = z.strictObject({
  id: z.string().toLowerCase().pipe(TraceId).describe("Trace id, 32 hexadecimal digits."),
});

/** `GET /traces` and `GET /traces/{id}`: what `traces search --json` and `traces show --json` print. */
export function traceRoutes({ store, clock }: ReadParts): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/traces",
      id: "searchTraces",
      summary: "Newest traces first; a trace matches when one of its spans meets all filters together.",
      access: "traces",
      query: SearchQuery,
      answer: { name: "TracePage", schema: TracePageJson },
      handle: async ({ query: { limit, cursor, ...filter } }) => {
        const page = { limit, ...(cursor !== undefined && { cursor }) };
        return json(tracePageJson(await store.search(parseFilter(filter, clock.now(), asParameter), page)));
      },
    }),
    route({
      method: "GET",
      path: "/traces/{id}",
      id: "showTrace",
      summary: "One trace with all its spans by start.",
      access: "traces",
      params: TraceParams,
      answer: { name: "Trace", schema: TraceJson },
      handle: async ({ params: { id } }) => {
        const spans = await store.trace(id);
        if (spans.length > 0) return json(traceJson(id, spans));
        throw new WhetstoneError("not_found", `There is no trace ${id} in the store.`, {
          remedy: "List traces with GET /api/v1/traces.",
        });
      },
    }),
  ];
}
