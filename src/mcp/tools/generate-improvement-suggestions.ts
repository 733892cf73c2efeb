import { z } from "zod";
import { findProblems } from "../../analyze/findings.ts";
import { buildTree } from "../../analyze/tree.ts";
import { type Finding, FindingKind, Severity } from "../../model/finding.ts";
import { ServiceName, TimeRange, TraceIdArgument, windowOf } from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { findTrace } from "../find-trace.ts";
import { findingKey } from "../finding-rows.ts";
import { loadPopulation } from "../population.ts";
import { digits, named } from "../series.ts";
import { shownName, shownText } from "../shown.ts";
import type { ShownIds } from "../shown-ids.ts";
import { defineTool, READS, type ToolContext } from "../tool.ts";

const Suggestion = z.strictObject({
  finding: z.string(),
  kind: FindingKind,
  severity: Severity,
  service: z.string(),
  operation: z.string(),
  child: z.string().optional(),
  advice: z.string(),
  gainMsPerCall: z.number(),
  gainMsInAll: z.number().describe("Over the calls that show it."),
  confidence: z.number(),
  evidence: z.array(z.string()).describe("Traces that show it, worst first."),
});

const Input = z.strictObject({
  trace_id: TraceIdArgument.optional().describe("Only from this trace; else from all of the window."),
  service_name: ServiceName.optional(),
  time_range: TimeRange.optional(),
  finding_ids: z
    .array(z.string().regex(/^f-[0-9a-f]{12}$/))
    .min(1)
    .max(50)
    .optional()
    .describe("Only for these findings of detect_performance_issues or analyze_trace."),
  max_tokens: MaxTokens,
});

/** `generate_improvement_suggestions`: what to change, by gain. */
export const generateImprovementSuggestions = defineTool({
  name: "generate_improvement_suggestions",
  title: "What to change",
  description:
    "Turns the problems found in a trace or window (default: last 24 hours) into advice at the level of code, ordered by what it saves in all: pattern, advice, expected gain from the critical path, traces as evidence. Problems that cost no time come last. It proposes; it proves nothing: measure with detect_regressions after the change.",
  toolset: "analysis",
  effects: READS,
  input: Input,
  output: z.strictObject({
    traces: z.int(),
    notes: z.array(z.string()),
    suggestions: z.array(Suggestion),
    ...Envelope,
  }),
  run: async (args, context) => {
    const { traces, notes } = await populationOf(args, context);
    const wanted = findProblems(traces)
      .filter((finding) => args.finding_ids === undefined || args.finding_ids.includes(findingKey(finding)))
      .filter(({ service }) => args.service_name === undefined || shownName(service) === args.service_name)
      .sort((a, b) => gainInAll(b) - gainInAll(a));
    return compose({
      maxTokens: args.max_tokens,
      facts: { traces: traces.length, notes: [...notes] },
      lists: { suggestions: sectionOf(wanted, (finding) => suggestionRow(finding, context.ids)) },
      hint:
        wanted.length === 0 && traces.length > 0
          ? NOTHING[args.finding_ids === undefined ? "asked" : "named"]
          : undefined,
    });
  },
});

const NOTHING = {
  asked: "Nothing in these traces asks for a change.",
  named: "These traces show none of the findings named; take ids from detect_performance_issues over the same window.",
} as const;

async function populationOf(args: z.output<typeof Input>, context: ToolContext) {
  if (args.trace_id !== undefined) return { traces: [buildTree(await findTrace(context, args.trace_id))], notes: [] };
  const window = windowOf(args.time_range, context.clock.now(), "-24h");
  return loadPopulation(context, { ...window, service: args.service_name });
}

const gainInAll = ({ gainMs, samples }: Finding): number => gainMs * samples;

function suggestionRow(finding: Finding, ids: ShownIds): z.input<typeof Suggestion> {
  const { kind, severity, child, suggestion, gainMs, confidence, traceIds } = finding;
  return {
    finding: findingKey(finding),
    kind,
    severity,
    ...named(finding),
    ...(child !== undefined && { child: shownName(child) }),
    advice: shownText(suggestion, 600),
    gainMsPerCall: digits(gainMs),
    gainMsInAll: digits(gainInAll(finding)),
    confidence,
    evidence: traceIds.slice(0, 3).map(ids.shorten),
  };
}
