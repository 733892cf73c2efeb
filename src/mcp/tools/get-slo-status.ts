import { z } from "zod";
import { countCalls } from "../../analyze/slo/counts.ts";
import type { Objective } from "../../analyze/slo/objective.ts";
import { sloReport, sloStatus } from "../../analyze/slo/status.ts";
import { SloStatus } from "../../model/slo.ts";
import type { SpanStore } from "../../store/port.ts";
import { Cursor, Detail, offsetCursor, offsetOf, ServiceName } from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { shownName } from "../shown.ts";
import { defineTool, READS } from "../tool.ts";

const Row = SloStatus.partial({ burnRates: true, interval: true });

/** `get_slo_status`: objectives and what is left of their error budgets. */
export const getSloStatus = defineTool({
  name: "get_slo_status",
  title: "Service-level objectives",
  description:
    "Shows every service-level objective of whetstone.yaml: share of good calls over its window, error budget left (1 untouched, below 0 missed), alert state (page, ticket, none, no_data), computed from rollups. detail full adds intervals and burn rates of each window.",
  toolset: "metrics",
  effects: READS,
  needs: "aggregates",
  input: z.strictObject({
    service_name: ServiceName.optional(),
    detail: Detail,
    cursor: Cursor,
    max_tokens: MaxTokens,
  }),
  output: z.strictObject({
    verdict: z.enum(["pass", "fail", "inconclusive"]).describe("Over the objectives that were asked for."),
    objectives: z.array(Row),
    ...Envelope,
  }),
  run: async ({ service_name, detail, cursor, max_tokens }, { store, clock, objectives }) => {
    const wanted = (await objectives()).filter(({ service }) => service_name === undefined || service === service_name);
    const spans = await store("read");
    const statuses = await Promise.all(wanted.map((objective) => statusOf(spans, objective, clock.now())));
    const from = offsetOf(cursor);
    const page = statuses.slice(from);
    const noData = statuses.some(({ alert }) => alert === "no_data");
    return compose({
      maxTokens: max_tokens,
      facts: { verdict: statuses.length === 0 ? ("inconclusive" as const) : sloReport(statuses).verdict },
      lists: { objectives: sectionOf(page, (status) => row(status, detail)) },
      cursor: offsetCursor(from, page.length),
      before: from,
      hint: statuses.length === 0 ? "No objective is about this service." : noData ? NO_DATA : undefined,
    });
  },
});

const NO_DATA =
  "An objective without calls in its window decides nothing: check its service and operation with list_services.";

async function statusOf(store: SpanStore, objective: Objective, now: bigint): Promise<SloStatus> {
  const calls = countCalls(objective);
  const { service, operation, windowNs } = objective;
  const sinceNs = now - BigInt(Math.round(windowNs));
  const filter = { service, ...(operation !== undefined && { operation }), sinceNs, untilNs: now + 1n };
  for await (const rows of store.rollups(filter)) for (const each of rows) calls.add(each);
  return sloStatus(objective, calls.minutes(), now);
}

function row({ burnRates, interval, ...status }: SloStatus, detail: "summary" | "full"): z.input<typeof Row> {
  const names = { target: shownName(status.target), name: shownName(status.name) };
  return detail === "full" ? { ...status, ...names, interval, burnRates } : { ...status, ...names };
}
