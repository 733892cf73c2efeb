import { z } from "zod";
import { findProblems } from "../../analyze/findings.ts";
import { buildTree, type TraceTree } from "../../analyze/tree.ts";
import type { Finding } from "../../model/finding.ts";
import {
  Cursor,
  Detail,
  offsetCursor,
  offsetOf,
  ServiceName,
  TimeRange,
  TraceIdArgument,
  windowOf,
} from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { findTrace } from "../find-trace.ts";
import { FindingRow, findingRow } from "../finding-rows.ts";
import { loadPopulation } from "../population.ts";
import { shownName } from "../shown.ts";
import { defineTool, READS, type ToolContext } from "../tool.ts";

const Input = z.strictObject({
  trace_id: TraceIdArgument.optional().describe("Only this trace; else all of the window."),
  service_name: ServiceName.optional().describe("Only problems of this service."),
  time_range: TimeRange.optional(),
  detail: Detail.describe("full adds intervals and more traces."),
  cursor: Cursor,
  max_tokens: MaxTokens,
});

/** `detect_performance_issues`: findings of a trace or of a window. */
export const detectPerformanceIssues = defineTool({
  name: "detect_performance_issues",
  title: "Performance problems",
  description:
    "Finds N+1 calls, sequential calls that could run together, retry storms, errors and slow operations in one trace or in a window (default: last 24 hours; newest 5,000 traces or 200,000 spans), worst first, with numbers, traces as evidence and the time that mending would save. Population statistics need many traces; one trace shows structure only.",
  toolset: "analysis",
  effects: READS,
  input: Input,
  output: z.strictObject({
    traces: z.int().describe("Traces looked at."),
    notes: z.array(z.string()),
    findings: z.array(FindingRow),
    ...Envelope,
  }),
  run: async (args, context) => {
    const { traces, notes } = await tracesOf(args, context);
    const findings = findProblems(traces).filter((finding) => isOf(finding, args.service_name));
    const from = offsetOf(args.cursor);
    const page = findings.slice(from);
    const row = (finding: Finding) => findingRow(finding, context.ids, args.detail);
    return compose({
      maxTokens: args.max_tokens,
      facts: { traces: traces.length, notes: [...notes] },
      lists: { findings: sectionOf(page, row) },
      cursor: offsetCursor(from, page.length),
      before: from,
      hint:
        findings.length === 0 && traces.length > 0 ? "Nothing worth a change was found in these traces." : undefined,
    });
  },
});

async function tracesOf(
  args: z.output<typeof Input>,
  context: ToolContext,
): Promise<{ traces: readonly TraceTree[]; notes: readonly string[] }> {
  if (args.trace_id === undefined) {
    const window = windowOf(args.time_range, context.clock.now(), "-24h");
    return loadPopulation(context, { ...window, service: args.service_name });
  }
  return { traces: [buildTree(await findTrace(context, args.trace_id))], notes: [] };
}

const isOf = ({ service }: Finding, given: string | undefined): boolean =>
  given === undefined || service === given || shownName(service) === given;
