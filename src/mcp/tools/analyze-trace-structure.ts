import { z } from "zod";
import { unionLength } from "../../analyze/intervals.ts";
import { buildTree, type SpanNode, type TraceTree } from "../../analyze/tree.ts";
import { TraceIdArgument } from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { findTrace } from "../find-trace.ts";
import { shortIds } from "../short-ids.ts";
import { shownName } from "../shown.ts";
import { ms } from "../span-rows.ts";
import { defineTool, READS } from "../tool.ts";

const Repeated = z.strictObject({
  id: z.string().describe("Span that makes the calls."),
  service: z.string(),
  operation: z.string(),
  child: z.string(),
  times: z.int(),
  concurrency: z.number().describe("How many ran at once, on average: 1 is one after the other."),
  totalMs: z.number(),
});
const Edge = z.strictObject({ from: z.string(), to: z.string(), calls: z.int(), errors: z.int() });

/** `analyze_trace_structure`: the shape of one trace. */
export const analyzeTraceStructure = defineTool({
  name: "analyze_trace_structure",
  title: "Structure of a trace",
  description:
    "Describes the shape of one trace: depth, fan-out, calls between services, children that one span repeats (3 times or more) and whether they ran together, and what is broken (missing parents, cycles, copies, several roots).",
  toolset: "analysis",
  effects: READS,
  input: z.strictObject({ trace_id: TraceIdArgument, max_tokens: MaxTokens }),
  output: z.strictObject({
    traceId: z.string(),
    spanCount: z.int(),
    depth: z.int(),
    widest: z.int().describe("Most children of one span."),
    services: z.int(),
    roots: z.int(),
    missingParents: z.int(),
    cyclesCut: z.int(),
    copies: z.int(),
    repeated: z.array(Repeated),
    edges: z.array(Edge).describe("Calls from service to service."),
    ...Envelope,
  }),
  run: async ({ trace_id, max_tokens }, context) => {
    const tree = buildTree(await findTrace(context, trace_id));
    const short = shortIds(tree.nodes.map(({ span }) => span.spanId));
    return compose({
      maxTokens: max_tokens,
      facts: factsOf(tree),
      lists: {
        repeated: sectionOf(repeatedIn(tree), (group) => repeatedRow(group, short)),
        edges: sectionOf(edgesOf(tree), ({ from, to, ...counts }) => ({
          from: shownName(from),
          to: shownName(to),
          ...counts,
        })),
      },
    });
  },
});

function factsOf({ traceId, nodes, roots, orphans, cycles, duplicates }: TraceTree) {
  const most = (values: Iterable<number>): number => {
    let greatest = 0;
    for (const value of values) greatest = Math.max(greatest, value);
    return greatest;
  };
  return {
    traceId,
    spanCount: nodes.length,
    depth: most(nodes.map(({ depth }) => depth + 1)),
    widest: most(nodes.map(({ children }) => children.length)),
    services: new Set(nodes.map(({ span }) => span.service)).size,
    roots: roots.length,
    missingParents: orphans,
    cyclesCut: cycles,
    copies: duplicates,
  };
}

type Group = { readonly parent: SpanNode; readonly nodes: readonly SpanNode[]; readonly totalNs: number };

/** Children of one operation that one span has three times or more, those that take most time first. */
function repeatedIn(tree: TraceTree): Group[] {
  return tree.nodes
    .filter(({ children }) => children.length >= 3)
    .flatMap((parent) => {
      const groups = Map.groupBy(parent.children, ({ span }) => JSON.stringify([span.service, span.name]));
      return [...groups.values()]
        .filter((nodes) => nodes.length >= 3)
        .map((nodes) => ({ parent, nodes, totalNs: totalOf(nodes) }));
    })
    .sort((a, b) => b.totalNs - a.totalNs);
}

const totalOf = (nodes: readonly SpanNode[]): number => nodes.reduce((sum, { start, end }) => sum + end - start, 0);

function repeatedRow({ parent, nodes, totalNs }: Group, short: (id: string) => string): z.input<typeof Repeated> {
  const busy = unionLength(nodes);
  return {
    id: short(parent.span.spanId),
    service: shownName(parent.span.service),
    operation: shownName(parent.span.name),
    child: shownName(nodes[0]?.span.name ?? ""),
    times: nodes.length,
    concurrency: busy === 0 ? 1 : Number((totalNs / busy).toFixed(2)),
    totalMs: ms(totalNs),
  };
}

/** Calls that cross from one service into another, most first. */
function edgesOf(tree: TraceTree): { from: string; to: string; calls: number; errors: number }[] {
  const crossing = tree.nodes.filter(
    ({ span, parent }) => parent !== undefined && parent.span.service !== span.service,
  );
  const groups = Map.groupBy(crossing, ({ span, parent }) => JSON.stringify([parent?.span.service, span.service]));
  return [...groups.values()]
    .map((nodes) => ({
      from: nodes[0]?.parent?.span.service ?? "",
      to: nodes[0]?.span.service ?? "",
      calls: nodes.length,
      errors: nodes.filter(({ span }) => span.status === "error").length,
    }))
    .sort((a, b) => b.calls - a.calls);
}
