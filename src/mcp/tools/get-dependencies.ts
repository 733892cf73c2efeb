import { z } from "zod";
import { type DependencyEdge, dependencyMap, type DependencyNode } from "../../analyze/dependencies.ts";
import { ServiceName, TimeRange, windowOf } from "../arguments.ts";
import { compose, Envelope, MaxTokens, sectionOf } from "../budget.ts";
import { loadPopulation } from "../population.ts";
import { digits } from "../series.ts";
import { shownName } from "../shown.ts";
import { defineTool, READS } from "../tool.ts";

const Node = z.strictObject({
  name: z.string(),
  calls: z.int(),
  errors: z.int(),
  errorsBegun: z.int().describe("Failed calls that nothing below them explains."),
  entries: z.int().describe("Requests at the beginning of a trace."),
  external: z.boolean().optional().describe("Known only by what its callers say."),
});
const Edge = z.strictObject({
  from: z.string(),
  to: z.string(),
  calls: z.int(),
  errorRate: z.number(),
  callsPerTrace: z.number(),
  p50Ms: z.number(),
  p95Ms: z.number(),
});

/** `get_dependencies`: who calls whom. */
export const getDependencies = defineTool({
  name: "get_dependencies",
  title: "Who calls whom",
  description:
    "Maps which service (or operation, with level operation) calls which, from the traces of a window (default: last 24 hours; newest 5,000 traces), with calls, error rate, calls per trace and latency of each edge, busiest first. With service_name only traces in which it takes part.",
  toolset: "analysis",
  effects: READS,
  input: z.strictObject({
    service_name: ServiceName.optional(),
    time_range: TimeRange.optional(),
    level: z.enum(["service", "operation"]).default("service"),
    max_tokens: MaxTokens,
  }),
  output: z.strictObject({
    traces: z.int(),
    notes: z.array(z.string()),
    nodes: z.array(Node),
    edges: z.array(Edge),
    ...Envelope,
  }),
  run: async ({ service_name, time_range, level, max_tokens }, context) => {
    const window = windowOf(time_range, context.clock.now(), "-24h");
    const { traces, notes } = await loadPopulation(context, { ...window, service: service_name });
    const { nodes, edges } = dependencyMap(traces, level);
    return compose({
      maxTokens: max_tokens,
      facts: { traces: traces.length, notes: [...notes] },
      lists: { nodes: sectionOf(nodes, nodeRow), edges: sectionOf(edges, edgeRow) },
    });
  },
});

const nameOf = ({ service, operation }: { readonly service: string; readonly operation?: string }): string =>
  operation === undefined ? shownName(service) : `${shownName(service)} ${shownName(operation)}`;

function nodeRow(node: DependencyNode): z.input<typeof Node> {
  const { calls, errors, errorsBegun, entries, external } = node;
  return { name: nameOf(node), calls, errors, errorsBegun, entries, ...(external && { external }) };
}

function edgeRow({ from, to, calls, errorRate, callsPerTrace, p50Ms, p95Ms }: DependencyEdge): z.input<typeof Edge> {
  return {
    from: nameOf(from),
    to: nameOf(to),
    calls,
    errorRate: digits(errorRate),
    callsPerTrace: digits(callsPerTrace),
    p50Ms: digits(p50Ms),
    p95Ms: digits(p95Ms),
  };
}
