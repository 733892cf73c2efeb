import { z } from "zod";
import { compareSets } from "../../analyze/regressions/compare.ts";
import { RegressionReport, RegressionRow, StructuralChange } from "../../model/regression.ts";
import { Detail, ServiceName, shownWindow, TimeRange, windowOf, WindowShown } from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { loadPopulation } from "../population.ts";
import { shownName, shownText } from "../shown.ts";
import { defineTool, READS } from "../tool.ts";

const Side = z.strictObject({ window: WindowShown, traces: z.int(), spans: z.int() });

/** `detect_regressions`: two windows compared. */
export const detectRegressions = defineTool({
  name: "detect_regressions",
  title: "Regressions between two windows",
  description:
    "Compares two sets of traces per operation (latency, error rate, calls per trace, which operation calls which) with intervals and a correction for many comparisons. Verdict pass, fail or inconclusive (too few traces). Give candidate (default: last hour) and baseline (default: the day before it). One look only: repeating it until it fails proves nothing.",
  toolset: "analysis",
  effects: READS,
  input: z.strictObject({
    baseline: TimeRange.optional(),
    candidate: TimeRange.optional(),
    service_name: ServiceName.optional().describe("Only traces in which this service takes part."),
    detail: Detail.describe("summary: rows that failed or are undecided. full: all rows."),
    max_tokens: MaxTokens,
  }),
  output: z.strictObject({
    verdict: RegressionReport.shape.verdict,
    reasons: RegressionReport.shape.reasons,
    baseline: Side,
    candidate: Side,
    passed: z.int().describe("Rows that passed."),
    notCompared: z.int().describe("Operations with calls on one side only; the verdict does not cover them."),
    notes: z.array(z.string()),
    operations: z.array(RegressionRow.omit({ reasons: true, pValueOrE: true })),
    structural: z.array(StructuralChange.omit({ reasons: true, pValueOrE: true })),
    ...Envelope,
  }),
  run: async (args, context) => {
    const now = context.clock.now();
    const candidate = windowOf(args.candidate, now, "-1h");
    const baseline = windowOf(args.baseline, args.baseline === undefined ? candidate.sinceNs : now, "-24h");
    const before = await loadPopulation(context, { ...baseline, service: args.service_name });
    const after = await loadPopulation(context, { ...candidate, service: args.service_name });
    const report = compareSets(before.traces, after.traces);
    const rows = report.operations.filter(({ verdict }) => args.detail === "full" || verdict !== "pass");
    return compose({
      maxTokens: args.max_tokens,
      facts: {
        verdict: report.verdict,
        reasons: report.reasons,
        baseline: { window: shownWindow(baseline), ...report.baseline },
        candidate: { window: shownWindow(candidate), ...report.candidate },
        passed: report.operations.length - report.operations.filter(({ verdict }) => verdict !== "pass").length,
        notCompared: report.notCompared.length,
        notes: [...new Set([...before.notes, ...after.notes, ...report.notes])]
          .slice(0, 8)
          .map((note) => shownText(note, 300)),
      },
      lists: {
        operations: sectionOf(rows, ({ reasons: _reasons, pValueOrE: _p, ...row }) => ({ ...row, ...named(row) })),
        structural: sectionOf(report.structural, ({ reasons: _reasons, pValueOrE: _p, parent, other, ...row }) => ({
          ...row,
          ...named(row),
          parent: { ...parent, ...named(parent) },
          ...(other !== undefined && { other: { ...other, ...named(other) } }),
        })),
      },
    });
  },
});

const named = ({ service, operation }: { readonly service: string; readonly operation: string }) => ({
  service: shownName(service),
  operation: shownName(operation),
});
