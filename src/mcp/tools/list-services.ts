import { z } from "zod";
import type { OperationSummary } from "../../store/port.ts";
import {
  Cursor,
  Detail,
  offsetCursor,
  offsetOf,
  ServiceName,
  shownWindow,
  TimeRange,
  windowOf,
  WindowShown,
} from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { whyNothing } from "../empty.ts";
import { shownName } from "../shown.ts";
import { defineTool, READS } from "../tool.ts";

const Row = z.strictObject({
  service: z.string(),
  operations: z.int(),
  calls: z.int(),
  errors: z.int(),
  busiest: z.array(z.string()).optional().describe("Its operations, most calls first, at most 10."),
});

type Service = { readonly service: string; readonly operations: readonly OperationSummary[] };

/** `list_services`: who sends spans. */
export const listServices = defineTool({
  name: "list_services",
  title: "Services",
  description:
    "Lists the services with spans in the window (default: last 24 hours), most calls first, with counts of operations, calls and errors from rollups, so any window is cheap. detail full adds the busiest operations.",
  toolset: "traces",
  effects: READS,
  needs: "aggregates",
  input: z.strictObject({
    time_range: TimeRange.optional(),
    service_name: ServiceName.optional(),
    detail: Detail,
    cursor: Cursor,
    max_tokens: MaxTokens,
  }),
  output: z.strictObject({ window: WindowShown, services: z.array(Row), ...Envelope }),
  run: async ({ time_range, service_name, detail, cursor, max_tokens }, { store, clock }) => {
    const spans = await store("read");
    const window = windowOf(time_range, clock.now(), "-24h");
    const report = await spans.operations(window);
    const all = byService(report.operations).filter(({ service }) => isNamed(service, service_name));
    const from = offsetOf(cursor);
    const page = all.slice(from);
    return compose({
      maxTokens: max_tokens,
      facts: { window: shownWindow(report) },
      lists: { services: sectionOf(page, (service) => row(service, detail)) },
      cursor: offsetCursor(from, page.length),
      before: from,
      hint: all.length === 0 ? await whyNothing(spans) : undefined,
    });
  },
});

const isNamed = (service: string, given: string | undefined): boolean =>
  given === undefined || service === given || shownName(service) === given;

const callsOf = (operations: readonly OperationSummary[]): number =>
  operations.reduce((sum, { calls }) => sum + calls, 0);

function byService(operations: readonly OperationSummary[]): Service[] {
  const groups = Map.groupBy(operations, ({ service }) => service);
  return [...groups]
    .map(([service, list]) => ({ service, operations: list.toSorted((a, b) => b.calls - a.calls) }))
    .sort((a, b) => callsOf(b.operations) - callsOf(a.operations));
}

function row({ service, operations }: Service, detail: z.infer<typeof Detail>): z.input<typeof Row> {
  const busiest = operations.slice(0, 10).map(({ operation }) => shownName(operation));
  return {
    service: shownName(service),
    operations: operations.length,
    calls: callsOf(operations),
    errors: operations.reduce((sum, { errors }) => sum + errors, 0),
    ...(detail === "full" && { busiest }),
  };
}
