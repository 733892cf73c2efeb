import { z } from "zod";
import { criticalPath } from "../../analyze/critical-path.ts";
import { errorPaths } from "../../analyze/errors/propagation.ts";
import { findProblems } from "../../analyze/findings.ts";
import { buildTree, type SpanNode, type TraceTree } from "../../analyze/tree.ts";
import type { Finding } from "../../model/finding.ts";
import { Detail, TraceIdArgument } from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { findTrace } from "../find-trace.ts";
import { FindingRow, findingRow } from "../finding-rows.ts";
import { shortIds } from "../short-ids.ts";
import { shownName } from "../shown.ts";
import { ms } from "../span-rows.ts";
import { defineTool, READS } from "../tool.ts";
import { CoverageShown, coverageOfTrace, MissingPath, missingRow } from "../trace-coverage.ts";
import { ErrorRow, errorRow } from "../trace-errors.ts";

const Bottleneck = z.strictObject({
  id: z.string(),
  service: z.string(),
  operation: z.string(),
  spans: z.int().describe("Spans of this operation on the critical path."),
  criticalMs: z.number().describe("Time in which the end of the trace waited for them themselves."),
  share: z.number().describe("Of the trace's time."),
});

/** `analyze_trace`: structure, performance, errors and coverage of one trace. */
export const analyzeTrace = defineTool({
  name: "analyze_trace",
  title: "Analysis of a trace",
  description:
    "Explains one trace: what its end waited for (operations on the critical path with their share), errors with class and origin (where they began, not where they show), structural problems found in it, and what other traces of the same root operation do that it does not. For the tree use get_trace_by_id, for the shape analyze_trace_structure.",
  toolset: "analysis",
  effects: READS,
  input: z.strictObject({ trace_id: TraceIdArgument, detail: Detail, max_tokens: MaxTokens }),
  output: z.strictObject({
    traceId: z.string(),
    structure: z.strictObject({ spans: z.int(), services: z.int(), depth: z.int(), roots: z.int() }),
    performance: z.strictObject({ durationMs: z.number(), criticalMs: z.number(), hasBottlenecks: z.boolean() }),
    coverage: CoverageShown,
    errorCount: z.int().describe("Errors by their origin; one may have made several calls fail."),
    bottlenecks: z.array(Bottleneck),
    errors: z.array(ErrorRow),
    findings: z.array(FindingRow),
    missing: z.array(MissingPath),
    ...Envelope,
  }),
  run: async ({ trace_id, detail, max_tokens }, context) => {
    const tree = buildTree(await findTrace(context, trace_id));
    const short = shortIds(tree.nodes.map(({ span }) => span.spanId));
    const bottlenecks = bottlenecksOf(tree);
    const errors = errorPaths(tree);
    const { comparedWith, coverage } = await coverageOfTrace(context, tree);
    return compose({
      maxTokens: max_tokens,
      facts: {
        traceId: tree.traceId,
        structure: structureOf(tree),
        performance: {
          durationMs: ms(tree.durationNs),
          criticalMs: ms(bottlenecks.reduce((sum, { ns }) => sum + ns, 0)),
          hasBottlenecks: bottlenecks.some(({ ns }) => ns > tree.durationNs / 2 && tree.nodes.length > 1),
        },
        coverage: { comparedWith, ratio: comparedWith === 0 ? null : Number(coverage.ratio.toFixed(4)) },
        errorCount: errors.length,
      },
      lists: {
        bottlenecks: sectionOf(bottlenecks, (entry) => bottleneckRow(entry, tree, short)),
        errors: sectionOf(errors, (path) => errorRow(path, short)),
        findings: sectionOf(findProblems([tree]), (finding: Finding) => findingRow(finding, context.ids, detail)),
        missing: sectionOf(coverage.missing, missingRow),
      },
    });
  },
});

function structureOf({ nodes, roots }: TraceTree) {
  return {
    spans: nodes.length,
    services: new Set(nodes.map(({ span }) => span.service)).size,
    depth: nodes.reduce((deepest, { depth }) => Math.max(deepest, depth + 1), 0),
    roots: roots.length,
  };
}

type Entry = { readonly first: SpanNode; readonly nodes: ReadonlySet<SpanNode>; readonly ns: number };

/** Operations by the time that the end of the trace waited for them themselves. */
function bottlenecksOf(tree: TraceTree): readonly Entry[] {
  const segments = Map.groupBy(criticalPath(tree), ({ node }) => JSON.stringify([node.span.service, node.span.name]));
  return [...segments.values()]
    .flatMap((list) => {
      const ns = list.reduce((sum, { start, end }) => sum + end - start, 0);
      const longest = list.toSorted((a, b) => b.end - b.start - (a.end - a.start))[0];
      return longest === undefined ? [] : [{ first: longest.node, nodes: new Set(list.map(({ node }) => node)), ns }];
    })
    .sort((a, b) => b.ns - a.ns);
}

function bottleneckRow({ first, nodes, ns }: Entry, tree: TraceTree, short: (id: string) => string) {
  return {
    id: short(first.span.spanId),
    service: shownName(first.span.service),
    operation: shownName(first.span.name),
    spans: nodes.size,
    criticalMs: ms(ns),
    share: tree.durationNs === 0 ? 0 : Number((ns / tree.durationNs).toFixed(4)),
  };
}
