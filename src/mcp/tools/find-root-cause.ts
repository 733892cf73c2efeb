import { z } from "zod";
import { diagnose, type Suspect } from "../../analyze/diagnose/diagnose.ts";
import { shownWindow, TimeRange, windowOf, WindowShown } from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { loadPopulation } from "../population.ts";
import { shownName, shownText } from "../shown.ts";
import type { ShownIds } from "../shown-ids.ts";
import { defineTool, READS } from "../tool.ts";

const Row = z.strictObject({
  service: z.string(),
  operation: z.string(),
  score: z.number().describe("0 to 1; comparable within this answer."),
  reasons: z.array(z.string()),
  traceIds: z.array(z.string()),
});

/** `find_root_cause`: where a fault began. */
export const findRootCause = defineTool({
  name: "find_root_cause",
  title: "Where a fault began",
  description:
    "Compares traces of an incident with traces before it and ranks the operations in which the fault began (not those that only wait for it), with reasons and traces. Give incident as a time range (default: last hour) and baseline (default: the day before the incident). Both need whole traces, best 50 or more.",
  toolset: "analysis",
  effects: READS,
  input: z.strictObject({
    incident: TimeRange.optional(),
    baseline: TimeRange.optional(),
    max_tokens: MaxTokens,
  }),
  output: z.strictObject({
    incident: WindowShown,
    baseline: WindowShown,
    incidentTraces: z.int(),
    baselineTraces: z.int(),
    notes: z.array(z.string()),
    ranked: z.array(Row),
    ...Envelope,
  }),
  run: async (args, context) => {
    const now = context.clock.now();
    const incident = windowOf(args.incident, now, "-1h");
    const baseline = windowOf(args.baseline, args.baseline === undefined ? incident.sinceNs : now, "-24h");
    const before = await loadPopulation(context, baseline);
    const during = await loadPopulation(context, incident);
    const { ranked, incidentTraces, baselineTraces } = diagnose(before.traces, during.traces, { limit: 20 });
    return compose({
      maxTokens: args.max_tokens,
      facts: {
        incident: shownWindow(incident),
        baseline: shownWindow(baseline),
        incidentTraces,
        baselineTraces,
        notes: [...new Set([...before.notes, ...during.notes])],
      },
      lists: { ranked: sectionOf(ranked, (suspect) => row(suspect, context.ids)) },
      hint: hintFor(ranked.length, { incidentTraces, baselineTraces }),
    });
  },
});

function hintFor(ranked: number, counts: { incidentTraces: number; baselineTraces: number }): string | undefined {
  if (counts.incidentTraces === 0 || counts.baselineTraces === 0) return "One of the windows holds no trace.";
  return ranked === 0 ? "Nothing changed beyond chance between the two windows." : undefined;
}

function row({ service, operation, score, reasons, traceIds }: Suspect, ids: ShownIds): z.input<typeof Row> {
  return {
    service: shownName(service),
    operation: shownName(operation),
    score: Number(score.toFixed(3)),
    reasons: reasons.slice(0, 5).map((reason) => shownText(reason, 300)),
    traceIds: traceIds.map(ids.shorten),
  };
}
