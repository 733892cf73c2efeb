import { z } from "zod";
import { formatInstant } from "../../model/time.ts";
import type { SpanStore, TraceSummary } from "../../store/port.ts";
import { summaryOf, totalsOfAll } from "../../store/trace-totals.ts";
import { shownWindow, TimeRange, type TimeWindow, windowOf, WindowShown } from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { shownName } from "../shown.ts";
import type { ShownIds } from "../shown-ids.ts";
import { defineTool, READS, type ToolContext } from "../tool.ts";

/** Attributes by which systems carry the id of a transaction from trace to trace. */
const CARRIERS = [
  "transaction.id",
  "correlation.id",
  "correlation_id",
  "request.id",
  "request_id",
  "session.id",
  "mcp.session.id",
  "messaging.message.conversation_id",
  "order.id",
  "enduser.id",
] as const;
/** Traces by one attribute that are followed. */
const MOST_PER_CARRIER = 200;
const MOST_LINKED = 50;

const Row = z.strictObject({
  traceId: z.string(),
  by: z.array(z.string()).describe("What joins it: an attribute, or a link from or to another trace of the list."),
  rootService: z.string(),
  rootOperation: z.string(),
  start: z.string(),
  durationMs: z.number(),
  spans: z.int(),
  errors: z.int(),
});

/** `correlate_distributed_traces`: the traces of one transaction. */
export const correlateDistributedTraces = defineTool({
  name: "correlate_distributed_traces",
  title: "Traces of one transaction",
  description: `Finds all traces that belong to one transaction, in order of time: the trace of that id, traces in which a span or resource carries it in an attribute (${CARRIERS.join(", ")}, or the one given), and traces that their span links name. Default window: last 24 hours.`,
  toolset: "traces",
  effects: READS,
  input: z.strictObject({
    transaction_id: z.string().min(1).max(400).describe("Value of the attribute, or a trace id."),
    attribute: z.string().min(1).max(200).optional().describe("Attribute that carries it, where it is another one."),
    time_range: TimeRange.optional(),
    max_tokens: MaxTokens,
  }),
  output: z.strictObject({
    window: WindowShown,
    services: z.array(z.string()).describe("Services of the roots, at most 20."),
    traces: z.array(Row),
    ...Envelope,
  }),
  run: async ({ transaction_id, attribute, time_range, max_tokens }, context) => {
    const window = windowOf(time_range, context.clock.now(), "-24h");
    const carriers = attribute === undefined ? CARRIERS : [attribute];
    const { found, isCut } = await related({ id: transaction_id, carriers, window }, context);
    const rows = [...found.values()].sort((a, b) => Number(a.summary.startNs - b.summary.startNs));
    const services = new Set(rows.map(({ summary }) => shownName(summary.rootService)));
    return compose({
      maxTokens: max_tokens,
      facts: { window: shownWindow(window), services: [...services].slice(0, 20) },
      lists: { traces: sectionOf(rows, (related) => row(related, context.ids)) },
      isCut,
      how: CUT,
      hint:
        rows.length === 0
          ? `No trace carries this id in ${carriers.length === 1 ? "that attribute" : "a known attribute"}; name the attribute that does, or widen time_range.`
          : undefined,
    });
  },
});

const CUT = `There are more: only the newest ${MOST_PER_CARRIER} traces of an attribute are taken, and the links of ${MOST_LINKED} traces followed. Name the attribute, or shorten time_range.`;

type Related = { readonly summary: TraceSummary; readonly by: Set<string> };
type Wanted = { readonly id: string; readonly carriers: readonly string[]; readonly window: TimeWindow };

type Found = { readonly found: ReadonlyMap<string, Related>; readonly isCut: boolean };

async function related({ id, carriers, window }: Wanted, context: ToolContext): Promise<Found> {
  const store = await context.store("read");
  const found = new Map<string, Related>();
  const add = (summary: TraceSummary, by: string): void => {
    const known = found.get(summary.traceId) ?? { summary, by: new Set<string>() };
    found.set(summary.traceId, known);
    known.by.add(by);
  };
  let isCut = false;
  for (const [at, carrier] of carriers.entries()) {
    context.signal.throwIfAborted();
    const page = await store.search({ ...window, attributes: { [carrier]: id } }, { limit: MOST_PER_CARRIER });
    isCut ||= page.nextCursor !== undefined;
    for (const summary of page.traces) add(summary, `attribute ${shownName(carrier)}`);
    context.progress(at + 1, "attributes searched", carriers.length);
  }
  if (/^[0-9a-f]{32}$/i.test(id)) await addTrace(store, id.toLowerCase(), (summary) => add(summary, "trace id"));
  isCut ||= found.size > MOST_LINKED;
  for (const traceId of [...found.keys()].slice(0, MOST_LINKED)) {
    const links = (await store.trace(traceId)).flatMap((span) => span.links.map((link) => link.traceId));
    for (const linked of new Set(links)) {
      if (linked !== traceId)
        await addTrace(store, linked, (summary) => add(summary, `link of ${context.ids.shorten(traceId)}`));
    }
  }
  return { found, isCut };
}

/** A trace by its id as a row of a search. */
async function addTrace(store: SpanStore, traceId: string, add: (summary: TraceSummary) => void): Promise<void> {
  const spans = await store.trace(traceId);
  if (spans.length > 0) add(summaryOf(traceId, totalsOfAll(spans)));
}

function row({ summary, by }: Related, ids: ShownIds): z.input<typeof Row> {
  return {
    traceId: ids.shorten(summary.traceId),
    by: [...by].slice(0, 5),
    rootService: shownName(summary.rootService),
    rootOperation: shownName(summary.rootOperation),
    start: formatInstant(summary.startNs),
    durationMs: summary.durationNs / 1e6,
    spans: summary.spans,
    errors: summary.errors,
  };
}
